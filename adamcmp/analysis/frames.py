"""Former functions of labelled DataFrames, until their callers take a `RunTable`."""

from __future__ import annotations

import pandas as pd

from adamcmp.analysis import labels, selection
from adamcmp.analysis.run_table import RunTable

PROBLEM = ["problem"]
labelled = labels.label_runs
setting_columns = labels.setting_columns


def chosen(runs: pd.DataFrame, by: str = "optimizer") -> pd.DataFrame:
    """Return `RunTable.selected`."""
    return RunTable(runs).selected(by)


def ranked(runs: pd.DataFrame, by: str = "optimizer") -> pd.DataFrame:
    """Return `RunTable.ranked`."""
    return RunTable(runs).ranked(by)


def choosing_seeds(runs: pd.DataFrame) -> set[int]:
    """Return `selection.selection_seeds`."""
    return selection.selection_seeds(RunTable(runs))


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return `RunTable.summary`."""
    return RunTable(runs).summary
