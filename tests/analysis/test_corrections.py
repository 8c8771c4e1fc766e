"""Corrections over the pairs of a problem, equality, and which arm is better."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.question import Question
from adamcmp.errors import ConfigError
from tests.support.seeded_runs import NAN, A, B, at_setting, runs_from


def test_holm_over_the_pairs_of_each_problem():
    runs = runs_from(
        [*at_setting("adamw", A), *at_setting("adam_l2", B), *at_setting("sgd", A[::-1])]
    )
    both = pd.concat([runs, runs[runs["optimizer"] != "sgd"].assign(problem="e, m")])
    table = analysis.comparisons(RunTable(both))
    assert table.groupby("problem", sort=False).size().tolist() == [3, 1]
    first = table[table["problem"] == "d, m"]
    ordered = np.sort(first["p_value"])
    expected = np.minimum(np.maximum.accumulate(ordered * [3, 2, 1]), 1)
    assert np.sort(first["p_holm"]) == pytest.approx(expected)
    one_pair = table[table["problem"] == "e, m"].iloc[0]
    assert one_pair["p_holm"] == one_pair["p_value"]


@pytest.mark.parametrize("order", [1, -1])
def test_an_optimizer_that_diverges_more_often_is_worse(order):
    """On the seed that completes, it is ahead."""
    errors = [0.20, 0.22, 0.21, 0.23, 0.20, 0.21, 0.22, 0.20, 0.21, 0.22]
    diverged = [("sgd", 0.1, seed, NAN, NAN, "diverged") for seed in range(9)]
    arms = [at_setting("adamw", errors), [*diverged, ("sgd", 0.1, 9, 0.3, 0.15)]][::order]
    table = analysis.comparisons(RunTable(runs_from([row for arm in arms for row in arm])))
    row = table.iloc[0]
    assert row["evidence"] == "divergence" and row[row["better"]] == "adamw"
    assert row["p_diverged"] == pytest.approx(2**-8)
    assert analysis.sentence(row) == (
        "SGD is worse than AdamW: it diverged on 9 of 10 seeds, AdamW on none (exact McNemar "
        "p = 0.004). On the 1 seed on which neither diverged, SGD is ahead on test error by 7 "
        "points."
    )
    (verdict,) = analysis.verdicts(table)
    assert verdict.overall == (
        "AdamW is best on test error: it beats SGD (which diverges more often)."
    )


@pytest.mark.parametrize(("margin", "equal"), [(1.5, True), (0.6, False)])
def test_equality_within_a_margin_has_two_one_sided_tests(margin, equal):
    noise = 0.01 * np.random.default_rng(1).normal(size=20)
    errors = 0.3 + 0.001 * np.arange(20)
    arms = [
        at_setting("adamw", errors),
        at_setting("sgd", errors + noise - noise.mean() + 0.005),
    ]
    table = RunTable(runs_from([row for arm in arms for row in arm]))
    row = analysis.comparisons(table.asking(Question(margin=margin))).iloc[0]
    d = row["estimate"] + (noise.mean() - noise)  # adamw minus sgd
    one_sided = [
        scipy_stats.ttest_1samp(d, bound, alternative=side).pvalue
        for bound, side in ((-margin / 100, "greater"), (margin / 100, "less"))
    ]
    assert row["margin"] == margin / 100
    assert row["p_equal"] == row["p_equal_holm"] == pytest.approx(max(one_sided))
    assert row["equal"] == equal == (max(one_sided) < 0.05)
    text = analysis.sentence(row)
    assert row["better"] == "a" and ("within 1.5 points (p of a larger" in text) == equal


@pytest.mark.parametrize("shift", [0.0, 0.001, -0.001, 0.01])
@pytest.mark.parametrize("n", [4, 5, 8])
def test_equality_of_a_difference_that_is_the_same_on_all_seeds_has_a_sign_test(n, shift):
    errors = 0.3 + 0.01 * np.arange(n)
    arms = [*at_setting("adamw", errors), *at_setting("sgd", errors + shift)]
    table = RunTable(runs_from(arms)).asking(Question(margin=0.5))
    row = analysis.comparisons(table).iloc[0]
    one_sided = scipy_stats.binomtest(n, n, alternative="greater").pvalue
    assert row["p_equal"] == (one_sided if abs(shift) < 0.005 else 1.0)
    assert row["equal"] == (n >= 5 and abs(shift) < 0.005)
    text = analysis.sentence(row)
    assert ("within 0.5 points (p of a larger difference" in text) == row["equal"]
    assert ("not shown to be equal" in text) == (not row["equal"] and row["better"] == "")


def test_a_margin_is_of_the_reported_metric():
    later = [error + 0.001 for error in A[::-1]]
    runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", later)])
    table = RunTable(runs).asking(Question(margin=5))
    rows = analysis.comparisons(table, ["test_error", "train_loss"]).set_index("metric")
    assert rows["margin"]["test_error"] == 0.05 and np.isnan(rows["margin"]["train_loss"])
    (verdict,) = analysis.verdicts(analysis.comparisons(table))
    assert "is equal within 5 points to" in verdict.overall
    assert "are equal on test error within 5 points (p of a larger" in verdict.pairs[0]
    assert not analysis.comparisons(RunTable(runs))["equal"].any()
    with pytest.raises(ConfigError, match="must be a positive number"):
        table.asking(Question(margin=-1))
    narrow = analysis.comparisons(table.asking(Question(margin=0.1))).iloc[0]
    assert "; not shown to be equal within 0.1 points; a true" in analysis.sentence(narrow)
