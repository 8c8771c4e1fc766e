"""The optimizer with the lowest value of a property, compared with each other one."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from adamcmp.analysis.contrasts import COLUMNS, differences_from_lowest
from adamcmp.analysis.example_variance import ExamplePart

RNG = np.random.default_rng(0)
VALUES = {
    name: pd.Series(mean + RNG.normal(size=6)) for name, mean in (("b", 9), ("a", 0), ("c", 2))
}


def test_differences_have_the_interval_of_the_paired_t_test():
    rows = differences_from_lowest(VALUES)
    assert rows["optimizer"].tolist() == ["a", "a"] and rows["over"].tolist() == ["b", "c"]
    for row in rows.to_dict("records"):
        test = stats.ttest_rel(VALUES[row["over"]], VALUES["a"])
        interval = test.confidence_interval()
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high))
        assert row["p_value"] == pytest.approx(test.pvalue)
        assert row["p_adjusted"] == pytest.approx(3 * test.pvalue)  # three pairs
        assert (row["n"], row["covers"]) == (6, "seeds")


def test_families_are_adjusted_together():
    once, twice = (differences_from_lowest(VALUES, families=count) for count in (1, 2))
    assert twice["p_adjusted"][0] == pytest.approx(2 * once["p_adjusted"][0])


def test_the_test_examples_make_an_interval_wider_and_never_narrower():
    alone = differences_from_lowest(VALUES)
    for variance in (0.0, 4.0):
        both = differences_from_lowest(VALUES, lambda a, b, v=variance: ExamplePart(v, 0.01))
        assert (both["p_value"] >= alone["p_value"]).all()
        assert (both["ci_high"] >= alone["ci_high"] - 1e-9).all()
        assert set(both["covers"]) == {"seeds and examples"}
    assert (both["ci_high"] > alone["ci_high"] + 1).all()


def test_seeds_are_paired_by_their_number():
    shifted = VALUES["b"].set_axis(range(2, 8)).sample(frac=1, random_state=0)
    row = differences_from_lowest({"a": VALUES["a"], "b": shifted}).iloc[0]
    expected = VALUES["b"].to_numpy()[:4] - VALUES["a"].to_numpy()[2:]
    assert row["n"] == 4 and row["estimate"] == pytest.approx(expected.mean())


@pytest.mark.parametrize(
    "values",
    [{}, {"a": VALUES["a"]}, {name: series[:3] for name, series in VALUES.items()}],
    ids=["no optimizer", "one optimizer", "three seeds"],
)
def test_too_few_values(values):
    rows = differences_from_lowest(values)
    assert rows.empty and list(rows) == COLUMNS


def test_a_difference_that_all_seeds_share_has_no_p():
    row = differences_from_lowest({"a": VALUES["a"], "b": VALUES["a"] + 1}).iloc[0]
    assert row["estimate"] == pytest.approx(1) and np.isnan(row["p_adjusted"])
