"""Means and paired differences over seeds."""

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis import estimates
from adamcmp.analysis.aggregation import mean_over_seeds, paired_differences

A, B = [0.20, 0.22, 0.21], [0.25, 0.26, 0.29]
VALUES = pd.DataFrame(
    [
        {"problem": "p", "optimizer": optimizer, "seed": seed, "value": value}
        for optimizer, values in (("b", B), ("a", A))
        for seed, value in enumerate(values)
    ]
)


def test_means_of_groups_of_several_sizes():
    more = pd.DataFrame([{"problem": "p", "optimizer": "a", "seed": 3, "value": 0.5}])
    diverged = pd.DataFrame([{"problem": "p", "optimizer": "b", "seed": 3, "value": np.nan}])
    table = mean_over_seeds(pd.concat([VALUES, more, diverged]), ["optimizer"])
    assert table["optimizer"].tolist() == ["b", "a"] and table["n"].tolist() == [3, 4]
    for values, row in zip((B, [*A, 0.5]), table.to_dict("records"), strict=True):
        expected = estimates.mean(np.array(values))
        assert row["estimate"] == pytest.approx(float(expected.value))
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((expected.low, expected.high))


def test_differences_are_paired_over_shared_seeds():
    shared = VALUES[(VALUES["optimizer"] == "b") | (VALUES["seed"] < 2)]
    (row,) = paired_differences(shared, ["problem"]).to_dict("records")
    expected = estimates.mean(np.subtract(B[:2], A[:2]))
    assert (row["a"], row["b"], row["problem"], row["n"]) == ("b", "a", "p", 2)
    assert row["estimate"] == pytest.approx(float(expected.value))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((expected.low, expected.high))
