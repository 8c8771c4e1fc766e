"""Convert the rows of a file to runs and their evaluations."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from adamcmp.errors import ConfigError
from adamcmp.storage.columns import BEST, METRIC_COLUMNS, METRICS
from adamcmp.workflows.importing.derived import add_derived
from adamcmp.workflows.importing.mapped_table import MappedTable
from adamcmp.workflows.importing.mapping import REQUIRED, SETTING_ID


def runs_and_metrics(source: MappedTable) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs of a file and their evaluations.

    A file may hold classification and regression: a metric that has no finite value on a dataset
    does not exist there, so its empty or undefined cells do not mean that a run diverged.

    Args:
        source: The file's rows.

    Returns:
        One row per run, by the columns of `runs`; and one row per run and evaluation, by the
        columns of `metrics`, which is empty if the rows of the file are runs.

    Raises:
        ConfigError: If a run has status ``done`` but a metric that is not finite, or the runs of a
            dataset have neither test nor validation metrics.
    """
    if source.has_evaluations:
        runs, metrics = _from_evaluations(source)
    else:
        runs, metrics = _with_outcome(_without_unused_metrics(source.read())), pd.DataFrame()
    texts = runs.select_dtypes("category").columns
    # Copied, since pandas warns of a frame of many blocks when columns are added to it.
    return runs.astype(dict.fromkeys(texts, object)).copy(), metrics


def _without_unused_metrics(table: pd.DataFrame) -> pd.DataFrame:
    """Clear the metrics that have no finite value on a dataset, such as errors in regression.

    Raises:
        ConfigError: If only some datasets have a test or validation metric, and no status says how
            the runs on the others ended.
    """
    metrics = [m for m in (*METRICS, *BEST) if m in table]
    finite = table[metrics].abs() < math.inf
    used = finite.groupby(table["dataset"], observed=True).any()  # datasets × metrics
    measured = used[[m for m in metrics if m.startswith(("test_", "val_"))]].any(axis=1)
    # Where no dataset has any, all runs may have diverged.
    if measured.any() and not measured.all() and "status" not in table:
        raise _no_metric(str(measured.idxmin()))
    # Without any finite metric, the other cells are all that contradicts a status.
    table = table.copy(deep=False)
    for dataset in used.index[measured]:
        unused = [m for m in metrics if not used.loc[dataset, m]]
        table.loc[table["dataset"] == dataset, unused] = math.nan
    return table


def _no_metric(dataset: str) -> ConfigError:
    return ConfigError(
        f"The runs on dataset {dataset} have no finite test or validation metric. Map theirs, too, "
        f"such as --map test_error=COLUMN1 test_loss=COLUMN2 for classification and regression. If "
        f"they all diverged, add a column status."
    )


def _from_evaluations(source: MappedTable) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs and evaluations of a file whose rows are evaluations.

    A run's final metrics are the last reported ones. Its best metrics are those of the evaluation
    with the lowest validation error, with ties broken by validation loss (on datasets without
    errors, the lowest loss). Its ``steps`` are the maximum over the seeds of its setting.
    """
    # In one expression, so that the table of a million rows is in memory once.
    table = _without_unused_metrics(source.read().sort_values("step", kind="stable"))
    # `last` skips empty cells, since metrics may be reported at different steps.
    runs = table.groupby("run_id", sort=False, observed=True).last().sort_index()
    # Gaps are recomputed, because the last train and test metrics may be of different steps.
    gaps = [c for c in map(str, runs) if c.startswith("gap_") and c not in source.columns]
    runs = _with_outcome(add_derived(runs.reset_index().drop(columns=gaps)))
    if "steps" not in runs:
        runs["steps"] = runs.groupby(SETTING_ID, observed=True)["step"].transform("max")
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
    criterion = table[criteria[0]]
    is_used = criterion.notna().groupby(table["dataset"], observed=True).transform("any")
    ranked = table[["run_id", criteria[-1]]].assign(
        criterion=criterion.where(is_used, table[criteria[-1]])
    )
    ranked = ranked[np.isfinite(ranked["criterion"])].sort_values(
        ["criterion", criteria[-1]], kind="stable"
    )
    best = table.loc[ranked.drop_duplicates("run_id").index]
    metrics = [m for m in METRICS if m in table]
    names = {"step": "best_step", **{m: f"best_{m}" for m in metrics}}
    names = {column: name for column, name in names.items() if name not in runs}
    best = best.set_index("run_id")[list(names)].rename(columns=names)
    return runs.join(best.replace(math.inf, math.nan), on="run_id")


def _with_outcome(runs: pd.DataFrame) -> pd.DataFrame:
    """Add each run's status if the file lacks it, and clear the metrics of runs that are not done.

    A run has diverged if a final metric is not finite, or if it has no test metric, or no
    validation metric on a dataset without test metrics.
    """
    runs = runs.copy()
    metrics = [m for m in METRICS if m in runs]
    not_finite = (runs[metrics] == math.inf).any(axis=1)
    if "status" not in runs:
        diverged = not_finite | _lacks_metrics(runs)
        runs["status"] = np.where(diverged, "diverged", "done")
    _check_done(runs[not_finite & (runs["status"] == "done")])
    runs.loc[runs["status"] != "done", metrics] = math.nan
    best = [m for m in BEST if m in runs]
    runs[best] = runs[best].replace(math.inf, math.nan)
    return runs


def _lacks_metrics(runs: pd.DataFrame) -> pd.Series[bool]:
    """Return which runs lack the test metrics, or validation metrics, that their dataset has."""
    test, val = (
        runs[[m for m in METRICS if m in runs and m.startswith(split)]].notna().any(axis=1)
        for split in ("test_", "val_")
    )
    is_tested = test.groupby(runs["dataset"], observed=True).transform("any")
    return ~test.where(is_tested, val)


def _check_done(not_finite: pd.DataFrame) -> None:
    """Reject runs of status ``done`` with a metric that is not finite."""
    for _, row in not_finite.iloc[:1].iterrows():
        key = ", ".join(f"{column} {row[column]}" for column in REQUIRED)
        raise ConfigError(
            f"A run has status done, but a metric that is not finite ({key}). Set its status to "
            f"diverged."
        )
