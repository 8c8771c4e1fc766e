"""Stability frontier: the largest learning rate that still trains at each weight decay."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS, mean_over_seeds
from adamcmp.analysis.headlines import span
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.measures.measure import Measure
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import at_selected, has_common_seed

#: A run trains if it covers this share of the distance from its first loss to the lowest loss.
TRAINS = 0.5
_AT_WD = [*GROUP, "wd"]


def stability_frontier(table: RunTable) -> pd.DataFrame:
    """Return the largest lr that still trains at each wd.

    A run trains when it did not diverge and its final training loss is at least half way from its
    first one to the lowest of the problem's runs; a run without evaluations, when it did not
    diverge. So a run far below the frontier may not train either: its lr is too small for the
    budget. Other settings that varied are held at those of the selected setting.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> frontier = stability_frontier(table)
    >>> frontier[frontier["wd"] == 0.01][["optimizer", "wd", "estimate", "beyond", "n"]]
      optimizer    wd  estimate  beyond  n
    2   adam_l2  0.01       0.1     1.0  5
    7     adamw  0.01       1.0     NaN  5

    Returns:
        One row per problem, optimizer and wd with several lr of which any trains: problem,
        optimizer, wd; estimate, ci_low, ci_high: geometric mean over seeds of each seed's largest
        lr, with the interval of the mean of its logarithm (Student's t), clipped to the lr that
        were tried; bounds are NaN where seeds agree, since only the spacing of the grid is left;
        n, seeds that train; all_seeds, the largest lr at which every seed trains, NaN if there is
        none; beyond, the next larger lr that was tried, NaN on the edge of the grid.
    """
    runs = _at_several_lr(table)
    if runs.empty:
        return pd.DataFrame(columns=[*_AT_WD, *ESTIMATE_COLUMNS, "all_seeds", "beyond"])
    largest = runs[runs["trains"]].groupby([*_AT_WD, "seed"])["lr"].max().map(np.log10)
    result = mean_over_seeds(largest.reset_index(name="value"), _AT_WD)
    tried = result[_AT_WD].join(runs.groupby(_AT_WD)["lr"].agg(["min", "max"]), on=_AT_WD)
    for column in ("estimate", "ci_low", "ci_high"):
        lr = 10 ** result[column].astype(float)
        result[column] = lr.clip(tried["min"], tried["max"])
    cells = _by_cell(runs)
    stable = cells[cells["trains"]].groupby(_AT_WD)["lr"].max().rename("all_seeds")
    result = result.join(stable, on=_AT_WD)
    above = cells.merge(result[[*_AT_WD, "all_seeds"]], on=_AT_WD)
    above = above[(above["lr"] > above["all_seeds"]) | above["all_seeds"].isna()]
    return result.join(above.groupby(_AT_WD)["lr"].min().rename("beyond"), on=_AT_WD)


def cells_that_train(table: RunTable) -> pd.DataFrame:
    """Return at which lr and wd every seed trains, as defined by `stability_frontier`.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> cells = cells_that_train(table)
    >>> cells.loc[cells["wd"] == 0.1, ["optimizer", "lr", "trains"]].head(5)
       optimizer      lr  trains
    15   adam_l2  0.0001    True
    16   adam_l2  0.0010    True
    17   adam_l2  0.0100    True
    18   adam_l2  0.1000    True
    19   adam_l2  1.0000   False

    Returns:
        One row per cell of each wd with several lr: problem, optimizer, wd, lr, trains.
    """
    return _by_cell(_at_several_lr(table))


def _by_cell(runs: pd.DataFrame) -> pd.DataFrame:
    return runs.groupby([*_AT_WD, "lr"])["trains"].all().reset_index()


def _at_several_lr(table: RunTable) -> pd.DataFrame:
    """Return the runs of common seeds at each wd with several lr, with column ``trains``."""
    runs = at_selected(table).runs
    runs = runs[runs.groupby(GROUP)["seed"].transform(has_common_seed).astype(bool)]
    runs = runs[runs.groupby(_AT_WD)["lr"].transform("nunique") > 1]
    return runs.assign(trains=_trains(runs, table.metrics))


def _trains(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.Series[bool]:
    """Return which runs train."""
    first = metrics.sort_values("step").drop_duplicates("run_id").set_index("run_id")["train_loss"]
    start = runs["run_id"].map(first).astype(float)
    lowest = runs.groupby("problem")["train_loss"].transform("min")
    bound = start - TRAINS * (start - lowest)
    return (runs["status"] == "done") & ((runs["train_loss"] <= bound) | start.isna())


def _headline(rows: pd.DataFrame) -> str:
    return f"Largest lr that trains at any wd: {span(rows.groupby('optimizer')['estimate'].max())}."


STABILITY_FRONTIER = Measure(
    "stability",
    "Stability frontier",
    "The largest learning rate that still trains at each weight decay. A run trains if it does not "
    "diverge and its training loss, if known, falls by at least half of the distance from its "
    "initial value to the lowest final value of all runs. If the largest lr that was tried trains, "
    "it is a lower bound. Geometric mean over seeds; intervals end at the lr that were tried.",
    stability_frontier,
    _headline,
    "several lr at one wd",
    {"problem": "problem", "wd": "wd", "optimizer": "", "estimate": ""},
    pivot="optimizer",
    order=100,
)
