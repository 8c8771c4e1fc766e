"""The arms of a comparison, and the difference between them."""

import math

import numpy as np
import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.arms import Arm, Difference, probability_of_improvement
from adamcmp.analysis.estimates import mean, unpaired_difference
from tests.support.seeded_runs import NAN, A, B, at_setting, runs_from

METRIC = "test_error"


def arm(tests, seeds=None, name="x", **more):
    return Arm.select(name, RunTable(runs_from(at_setting(name, tests, seeds=seeds, **more))))


def test_the_setting_is_selected_on_validation():
    rows = [*at_setting("x", A, lr=0.1, val=0.4), *at_setting("x", B, lr=0.2, val=0.3)]
    selected = Arm.select("x", RunTable(runs_from(rows)))
    assert (selected.setting, selected.settings, selected.measure) == ("lr 0.2, wd 0", 2, "error")
    assert selected.values(METRIC).tolist() == B and not selected.fresh
    assert selected.diverged == 0


def test_diverged_runs_have_no_values():
    rows = [*at_setting("x", A[:3]), ("x", 0.1, 3, NAN, NAN, "diverged")]
    selected = Arm.select("x", RunTable(runs_from(rows)))
    assert selected.diverged == 1 and len(selected.values(METRIC)) == 3


@pytest.mark.parametrize(
    ("seeds", "other_seeds", "paired", "n"),
    [
        (range(4), range(4), True, 4),
        (range(4), range(2, 6), True, 2),  # half of them
        (range(6), range(4, 10), False, 6),  # a third of them
        (range(4), range(10, 14), False, 4),
        ([0], range(4), True, 1),
        ([9], range(4), False, 1),
        ([], range(4), False, 0),
    ],
)
def test_seeds_are_paired_if_enough_are_shared(seeds, other_seeds, paired, n):
    x = arm(A[: len(seeds)], seeds) if seeds else arm([NAN], [0])
    difference = Difference.between(x, arm(B[: len(other_seeds)], other_seeds), METRIC)
    assert (difference.paired, difference.n) == (paired, n)
    if not n:
        assert math.isnan(difference.estimate.value) and math.isnan(difference.effect_size)
        assert math.isnan(difference.means[0])


def test_the_estimate_is_that_of_shared_seeds():
    paired = Difference.between(arm(A), arm(B), METRIC)
    assert paired.estimate == mean(np.array(A) - np.array(B))
    assert paired.means == pytest.approx((np.mean(A), np.mean(B)))
    separate = Difference.between(arm(A), arm(B, range(20, 26)), METRIC)
    assert separate.estimate == unpaired_difference(np.array(A), np.array(B))
    assert paired.effect_size < 0 and separate.effect_size < 0


@pytest.mark.parametrize("seeds", [range(6), range(20, 26)])
def test_a_smaller_difference_needs_more_seeds(seeds):
    difference = Difference.between(arm(A), arm(B, seeds), METRIC)
    few, _ = difference.seeds_needed(lambda n: 0.05, 0.05, 0.0)
    many, target = difference.seeds_needed(lambda n: 0.05, 0.01, 0.0)
    assert few < many and target >= 0.01
    assert difference.seeds_needed(lambda n: 0.05, 0.01, 1e-5)[0] > many
    one_seed = Difference.between(arm(A[:1]), arm(B[:1], list(seeds)[:1]), METRIC)
    assert all(map(math.isnan, one_seed.seeds_needed(lambda n: 0.05, 0.01, 0.0)))


@pytest.mark.parametrize("paired", [True, False])
def test_the_probability_of_improvement(paired):
    x, y = arm([0.1, 0.2, 0.3, 0.4]), arm([0.2, 0.2, 0.2, 0.2])
    expected = (1 + 0.5) / 4  # in both cases each seed of y is the same
    forth = probability_of_improvement(x, y, METRIC, paired, higher=False)
    back = probability_of_improvement(x, y, METRIC, paired, higher=True)
    assert forth["prob_better"] == expected and back["prob_better"] == 1 - expected
    assert forth["prob_low"] < expected < forth["prob_high"]


def test_a_diverged_run_is_worse_than_any_completed_one():
    rows = [*at_setting("x", [0.9, 0.9]), ("x", 0.1, 2, NAN, NAN, "diverged")]
    one = Arm.select("x", RunTable(runs_from(rows)))
    result = probability_of_improvement(one, arm([0.95] * 3), METRIC, True, higher=False)
    assert result["prob_better"] == pytest.approx(2 / 3)
    tie = probability_of_improvement(one, one, METRIC, True, higher=False)
    assert tie["prob_better"] == 0.5
