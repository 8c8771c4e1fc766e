"""The arms of a comparison."""

from adamcmp.analysis import RunTable
from adamcmp.analysis.arms import Arm
from tests.support.seeded_runs import NAN, A, B, at_setting, runs_from

METRIC = "test_error"


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
