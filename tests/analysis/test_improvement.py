"""The probability that one arm is better than the other."""

import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.arms import Arm
from adamcmp.analysis.improvement import probability_of_improvement
from tests.support.seeded_runs import NAN, arm, at_setting, runs_from

METRIC = "test_error"


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
