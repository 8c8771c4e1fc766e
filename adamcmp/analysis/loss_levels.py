"""Values of runs where their learning curves first reach given training losses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import selectable

#: The number of training losses.
LEVELS = 8
#: The least loss whose logarithm is taken.
_LEAST_LOSS = 1e-12


def curves_of_selected(table: RunTable, columns: list[str]) -> pd.DataFrame:
    """Return the learning curves of the completed runs of the selected settings.

    Args:
        table: The runs.
        columns: Columns of evaluations to return.

    Returns:
        Columns run_id, step, train_loss, `columns`, problem, optimizer, seed; log, log10 of the
        training loss; by run and step. Optimizers whose settings cannot be ranked are left out.
    """
    metrics, table = table.metrics, selectable(table)
    names = ["run_id", "step", "train_loss", *columns]
    if table.runs.empty:
        return pd.DataFrame(columns=[*names, *GROUP, "seed", "log"])
    best = table.selected()
    best = best.loc[best["status"] == "done", [*GROUP, "seed", "run_id"]]
    evaluations = metrics[metrics["run_id"].isin(best["run_id"])].reindex(columns=names)
    curves = evaluations.merge(best, on="run_id")
    curves = curves.dropna(subset="train_loss").sort_values(["run_id", "step"], ignore_index=True)
    return curves.assign(log=log10_loss(curves["train_loss"]))


def at_levels(curves: pd.DataFrame, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Yield the values of runs of one problem at each of `LEVELS` training losses, descending.

    The losses are evenly spaced in log loss between the lowest first loss of any run (exclusive)
    and the lowest loss that every run reaches. A run reaches a loss at its first evaluation at or
    below it; values are interpolated linearly in log loss between it and the previous one.

    Args:
        curves: The result of `curves_of_selected` for one problem.
        columns: The columns to interpolate.

    Yields:
        Columns problem, optimizer, seed, `columns`, train_loss (the level).
    """
    if curves.empty:
        return
    by_run = curves.groupby("run_id", sort=False)
    lowest = by_run["log"].cummin()
    start, end = by_run["log"].first().min(), lowest.groupby(curves["run_id"]).last().max()
    previous = by_run[["log", *columns]].shift()
    for level in np.linspace(start, end, LEVELS + 1)[1:] if end < start else ():
        # The first evaluation of each run at which its lowest loss so far reaches the level.
        first = ~curves["run_id"].where(lowest <= level).duplicated() & (lowest <= level)
        after, before = curves.loc[first, ["log", *columns]], previous[first]
        weight = (before["log"] - level) / (before["log"] - after["log"])
        left, right = before[columns], after[columns]
        values = left + (right - left).mul(weight, axis=0)
        yield curves.loc[first, [*GROUP, "seed"]].join(values).assign(train_loss=10**level)


def log10_loss(losses: pd.Series[float]) -> pd.Series[float]:
    """Return log10 of training losses; of at least 1e-12."""
    return losses.astype(float).clip(lower=_LEAST_LOSS).map(np.log10)
