"""The selected settings with means over seeds, on hand-made runs."""

import pytest

from adamcmp.analysis import RunTable
from tests.support.seeded_runs import NAN, runs_from

RUNS = runs_from(
    [
        ("adamw", 0.1, 0, 0.30, 0.50), ("adamw", 0.1, 1, 0.32, 0.52),
        ("adamw", 0.2, 0, 0.40, 0.10), ("adamw", 0.2, 1, 0.40, 0.10),  # best on test only
        ("sgd", 0.1, 0, 0.50, 0.60), ("sgd", 0.1, 1, 0.54, 0.64),
        ("sgd", 0.2, 0, 0.10, 0.20), ("sgd", 0.2, 1, NAN, NAN, "diverged"),
    ]
)  # fmt: skip


def test_summary():
    table = RunTable(RUNS).summary.set_index("optimizer")
    assert table.loc["adamw", "test_error"] == pytest.approx(0.51)
    assert table.loc["adamw", "test_error_sd"] == pytest.approx(0.02 / 2**0.5)
    assert table.loc["sgd", ["seeds", "diverged", "settings"]].tolist() == [2, 1, 2]


def test_a_budget_is_a_setting():
    runs = RUNS[RUNS["optimizer"] == "adamw"].assign(lr=0.1, steps=[3, 3, 6, 6])
    table = RunTable(runs).summary
    assert table[["steps", "seeds", "settings"]].to_numpy().tolist() == [[3, 2, 2]]


def test_a_setting_that_the_selected_runs_do_not_have_is_a_column():
    """As the end of another schedule."""
    runs = RUNS.assign(**{"schedule.end": [None, None, 0.1, 0.1] * 2})
    table = RunTable(runs).summary
    assert "schedule.end" in RunTable(runs).setting_columns
    assert table["schedule.end"].isna().all() and "gap_loss" not in table
