"""The error over lr × weight decay: its estimates, its basin, and models of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS, mean_over_seeds
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.metrics import of_measure, reported_split
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import (
    SettingMatrix,
    at_selected,
    on_common_seeds,
    selectable,
    setting_matrices,
)
from adamcmp.analysis.wording import display_name, join_names

#: A basin extends this share of the distance from the best value to the divergence penalty. Results
#: may depend on the share, so measures are computed for several; plots show the one of `BASIN`.
BASINS = (0.05, 0.1, 0.15, 0.2)
BASIN = 0.1
#: The least loss whose logarithm is taken.
LEAST_LOSS = 1e-12
GRID_REQUIREMENT = (
    "an optimizer's grid of several lr by several wd above 0, with a validation split"
)
BASIN_REQUIREMENT = f"{GRID_REQUIREMENT}, and six good cells or more, at three values of each"


def surface(table: RunTable) -> pd.DataFrame:
    """Return each optimizer's test measure over lr × wd.

    Other settings that varied are held at those of the selected setting. Cells are over the seeds
    that most of them have: evaluation seeds of the selected setting are left out.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> surface(table)[["optimizer", "lr", "wd", "estimate", "n", "rank"]].head(3).round(3)
      optimizer   lr     wd  estimate  n  rank
    0   adam_l2  0.0  0.000     0.380  5    19
    1   adam_l2  0.0  0.001     0.311  5    16
    2   adam_l2  0.0  0.010     0.264  5    13

    Returns:
        One row per problem, optimizer, lr and wd. Columns: problem, optimizer, lr, wd; estimate,
        ci_low, ci_high, n: test error (regression: loss) over completed seeds, NaN if there are
        none; val: the mean on validation; diverged: how many seeds diverged; rank: the cell's rank
        on validation, from 0, as in `RunTable.ranked`, NaN without validation.
    """
    keys = [*GROUP, "lr", "wd"]
    table = at_selected(table)
    table = table.with_runs(table.runs.dropna(subset=["lr", "wd"]))
    if table.runs.empty:
        return pd.DataFrame(columns=[*keys, *ESTIMATE_COLUMNS, "val", "diverged", "rank"])
    ranks = selectable(table).ranked().drop_duplicates(keys).set_index(keys)["rank"]
    measures = {problem: subtable.measure() for problem, subtable in table.by_problem()}
    runs = table.runs[on_common_seeds(table)]
    runs = runs.assign(
        value=of_measure(runs, measures, reported_split(runs)),
        val=of_measure(runs, measures, "val"),
        diverged=runs["status"] == "diverged",
    )
    cells = mean_over_seeds(runs, keys)
    others = runs.groupby(keys, sort=False).agg(val=("val", "mean"), diverged=("diverged", "sum"))
    cells = cells.join(others, on=keys).sort_values(keys, ignore_index=True)
    return cells.join(ranks, on=keys)


def surface_matrices(table: RunTable) -> Iterator[SettingMatrix]:
    """Yield the settings with wd above 0 of each optimizer that varied both lr and wd.

    Settings with wd = 0 are left out: they have no logarithm.
    """
    for matrix in setting_matrices(at_selected(table)):
        matrix = matrix.where((matrix.settings["wd"] > 0).to_numpy(bool))
        if matrix.settings["lr"].nunique() > 1 and matrix.settings["wd"].nunique() > 1:
            yield matrix


def basin(matrix: SettingMatrix, size: float = BASIN) -> NDArray[np.bool_]:
    """Return which settings are in the basin: close to the best on validation.

    Losses are compared as logarithms.

    Args:
        matrix: The settings.
        size: The share of the distance from the best mean to the divergence penalty, which is about
            chance level, up to which a mean is close to the best.
    """
    means = fit_scale(matrix, matrix.val).mean(axis=1)
    worst = np.log10(matrix.penalty) if is_logarithmic(matrix) else matrix.penalty
    inside: NDArray[np.bool_] = means <= means.min() + size * (worst - means.min())
    return inside


def intervals_are_disjoint(rows: pd.DataFrame) -> bool:
    """Return whether the intervals of an optimizer at two sizes of the basin have no common value.

    >>> intervals_are_disjoint(pd.DataFrame({"ci_low": [0.1, 0.6], "ci_high": [0.5, 0.9]}))
    True
    """
    return bool(rows["ci_low"].max() > rows["ci_high"].min())


def basin_headline(
    rows: pd.DataFrame,
    statement: Callable[[pd.DataFrame], str],
    depends_on_size: Callable[[pd.DataFrame], bool] = intervals_are_disjoint,
) -> str:
    """Return a statement about the optimizers whose result is the same at all sizes of the basin.

    Args:
        rows: Rows of a measure, with columns optimizer and basin.
        statement: Returns the statement for the rows of some optimizers.
        depends_on_size: Returns whether the rows of one optimizer contradict each other.
    """
    contradicts = {name: depends_on_size(group) for name, group in rows.groupby("optimizer")}
    agreeing = rows[~rows["optimizer"].map(contradicts)]
    others = [display_name(name) for name in rows["optimizer"].unique() if contradicts[name]]
    sentences = [statement(agreeing)] if len(agreeing) else []
    if others:
        sentences.append(f"Depends on the size of the basin: {join_names(others)}.")
    return " ".join(sentences)


def fit_scale(matrix: SettingMatrix, values: Floats) -> Floats:
    """Return values on the scale on which surfaces are fitted: errors, or log10 of losses."""
    return np.log10(np.maximum(values, LEAST_LOSS)) if is_logarithmic(matrix) else values


def is_logarithmic(matrix: SettingMatrix) -> bool:
    """Return whether surfaces are fitted to log10: of losses, unless one is negative."""
    lowest = min(matrix.val.min(), matrix.test.min(), matrix.penalty)
    return matrix.measure == "loss" and not lowest < 0


def log_axes(matrix: SettingMatrix) -> tuple[Floats, Floats]:
    """Return log10 of lr and of wd, each of shape (settings,)."""
    x, y = (np.log10(matrix.settings[column].to_numpy(float)) for column in ("lr", "wd"))
    return x, y


def quadratic_design(x: Floats, y: Floats) -> Floats:
    """Return the design matrix of a quadratic surface.

    Args:
        x: Shape (settings,).
        y: Shape (settings,).

    Returns:
        Shape (settings, 6): 1, x, y, x², y², xy, with x and y centred.
    """
    x, y = x - x.mean(), y - y.mean()
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
