"""Convert the rows of a file to runs and their evaluations."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from adamcmp.errors import ConfigError
from adamcmp.storage.columns import BEST, METRIC_COLUMNS, METRICS
from adamcmp.workflows.importing.derived import add_derived
from adamcmp.workflows.importing.mapped_table import MappedTable
from adamcmp.workflows.importing.mapping import REQUIRED


def runs_and_metrics(source: MappedTable) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs of a file and their evaluations.

    Args:
        source: The file's rows.

    Returns:
        One row per run, by the columns of `runs`; and one row per run and evaluation, by the
        columns of `metrics`, which is empty if the rows of the file are runs.

    Raises:
        ConfigError: If a run has status ``done`` but a metric that is not finite.
    """
    if source.has_evaluations:
        runs, metrics = _from_evaluations(source)
    else:
        runs, metrics = _with_outcome(source.table), pd.DataFrame()
    _check_done(runs)
    return runs, metrics


def _from_evaluations(source: MappedTable) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs and evaluations of a file whose rows are evaluations.

    A run's final metrics are the last reported ones. Its best metrics are those of the evaluation
    with the lowest validation error, with ties broken by validation loss (without errors, the
    lowest loss). Its ``steps`` are the maximum over the seeds of its setting.
    """
    table = source.table.sort_values("step", kind="stable")
    # `last` skips empty cells, since metrics may be reported at different steps.
    runs = table.groupby("run_id", sort=False).last()
    order = source.table["run_id"].drop_duplicates()
    # Gaps are recomputed, because the last train and test metrics may be of different steps.
    gaps = [c for c in map(str, runs) if c.startswith("gap_") and c not in source.columns]
    runs = _with_outcome(add_derived(runs.loc[order].reset_index().drop(columns=gaps)))
    if "steps" not in runs:
        runs["steps"] = runs.groupby("setting")["step"].transform("max")
    if "stopped_at_step" not in runs:
        runs["stopped_at_step"] = runs["step"].where(runs["status"] == "diverged")
    # In `metrics`, lr is the scheduled rate of a step, but the lr of a file is a setting.
    metrics = table[[c for c in METRIC_COLUMNS if c in table and c != "lr"]]
    return _with_best(runs, table), metrics.replace(math.inf, math.nan)


def _with_best(runs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Add the metrics of each run's best evaluation on validation, unless the file has them."""
    criteria = [m for m in ("val_error", "val_loss") if m in table]
    if not criteria:
        return runs
    finite = table[np.isfinite(table[criteria[0]])]
    best = finite.sort_values(criteria, kind="stable").drop_duplicates("run_id")
    metrics = [m for m in METRICS if m in table]
    names = {"step": "best_step", **{m: f"best_{m}" for m in metrics}}
    names = {column: name for column, name in names.items() if name not in runs}
    best = best.set_index("run_id")[list(names)].rename(columns=names)
    return runs.join(best.replace(math.inf, math.nan), on="run_id")


def _with_outcome(runs: pd.DataFrame) -> pd.DataFrame:
    """Add each run's status if the file lacks it, and clear the metrics of runs that are not done.

    A run has diverged if a final metric is not finite or it has no test metric.
    """
    runs = runs.copy()
    metrics = [m for m in METRICS if m in runs]
    test_metrics = [m for m in metrics if m.startswith("test_")]
    not_finite = (runs[metrics] == math.inf).any(axis=1)
    if "status" not in runs:
        diverged = not_finite | runs[test_metrics].isna().all(axis=1)
        runs["status"] = np.where(diverged, "diverged", "done")
    runs["contradictory"] = not_finite & (runs["status"] == "done")
    runs.loc[runs["status"] != "done", metrics] = math.nan
    best = [m for m in BEST if m in runs]
    runs[best] = runs[best].replace(math.inf, math.nan)
    return runs


def _check_done(runs: pd.DataFrame) -> None:
    if runs["contradictory"].any():
        row = runs[runs["contradictory"]].iloc[0]
        key = ", ".join(f"{column} {row[column]}" for column in REQUIRED)
        raise ConfigError(
            f"A run has status done, but a metric that is not finite ({key}). Set its status to "
            f"diverged."
        )
