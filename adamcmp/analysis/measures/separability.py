"""Separability: does the best weight decay depend on the learning rate?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.headlines import span
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.measures.measure import Measure, column_headings, shares
from adamcmp.analysis.measures.surface import (
    BASIN,
    BASINS,
    GRID_REQUIREMENT,
    basin,
    basin_headline,
    fit_scale,
    is_logarithmic,
    log_axes,
    quadratic_design,
    surface_matrices,
)
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import SettingMatrix
from adamcmp.analysis.variance_share import variance_share


def separability(table: RunTable) -> pd.DataFrame:
    """Return the share of the surface's variance near the optimum that an additive model explains.

    The additive model is f(lr) + g(wd): under it the best wd is the same at every lr, as
    Loshchilov & Hutter 2019 (arXiv 1711.05101) claim of decoupled weight decay. It is fitted to the
    test error (regression: logarithm of the loss) of the cells in the smallest rectangle of the
    grid around the basin, which validation determines, for several sizes of the basin. A narrow
    diagonal basin itself would have no rows to compare; and the basin is so small that the corners
    of the rectangle of an additive surface stay below the divergence penalty. Diverged runs are
    penalized, not left out. On a grid f and g are free at each value; on scattered settings (a
    search) they are parabolas, and the share is that of a full quadratic.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> shares = separability(table)
    >>> shares[["optimizer", "basin", "estimate", "ci_low", "ci_high", "n"]].iloc[:6:5].round(2)
      optimizer  basin  estimate  ci_low  ci_high  n
    0   adam_l2   0.05      0.27    0.21     0.35  5
    5     adamw   0.10      1.00    0.96     1.00  5

    Args:
        table: The runs.

    Returns:
        One row per problem, optimizer and size of the basin: problem, optimizer, basin (one of
        `BASINS`); estimate (1: separable), ci_low, ci_high, n (seeds), noise over seeds subtracted
        as in `variance_share`; cells; diverged, runs in these that diverged; model, ``grid`` or
        ``quadratic``. Basins with too few cells have no row. Where the basin is no less flat than
        its noise the estimate is NaN.
    """
    rows = []
    for matrix in surface_matrices(table):
        for size in BASINS:
            inside, additive, full, model = additive_models(matrix, size)
            cells = matrix.where(inside)
            share = variance_share(fit_scale(cells, cells.test), additive, full)
            if share:
                counts = (len(cells.seeds), len(cells.test), int(cells.diverged.sum()))
                rows.append((cells.problem, cells.optimizer, size, *share, *counts, model))
    columns = [*GROUP, "basin", *ESTIMATE_COLUMNS, "cells", "diverged", "model"]
    return pd.DataFrame(rows, columns=columns)


def additive_surface(table: RunTable) -> pd.DataFrame:
    """Return the additive model of `separability` in the basin of 0.1, for contours on a heatmap.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> cells = additive_surface(table)
    >>> cells[["optimizer", "lr", "wd", "fitted", "value"]].head(2).round(3)
      optimizer   lr     wd  fitted  value
    0   adam_l2  0.0  0.000   0.326  0.380
    1   adam_l2  0.0  0.001   0.284  0.311

    Returns:
        One row per problem, optimizer and cell near the optimum: problem, optimizer, lr, wd;
        fitted, in units of the test error (regression: loss); value, the data (diverged penalized).
    """
    columns = [*GROUP, "lr", "wd", "fitted", "value"]
    tables = [pd.DataFrame(columns=columns)]
    for matrix in surface_matrices(table):
        inside, additive, _, _ = additive_models(matrix, BASIN)
        cells = matrix.where(inside)
        values = fit_scale(cells, cells.test).mean(axis=1)
        fitted = additive @ np.linalg.lstsq(additive, values, rcond=None)[0]
        if is_logarithmic(cells):
            values, fitted = 10**values, 10**fitted
        labels = {"problem": cells.problem, "optimizer": cells.optimizer}
        axes = cells.settings[["lr", "wd"]].astype(float)
        tables.append(axes.assign(**labels, fitted=fitted, value=values)[columns])
    return pd.concat(tables[1:] or tables, ignore_index=True)


def additive_models(
    matrix: SettingMatrix, size: float
) -> tuple[NDArray[np.bool_], Floats, Floats, str]:
    """Return the cells to fit, the additive and the full design for them, and the models' name."""
    x, y = log_axes(matrix)
    good = basin(matrix, size)
    grid_cells = len(np.unique(x)) * len(np.unique(y))
    if len(matrix.test) < grid_cells / 2:  # scattered settings, not a grid
        full = quadratic_design(x[good], y[good])
        # The additive model lacks only the last column, x·y.
        return good, full[:, :5], full, "quadratic"
    inside = _within_range(x, good) & _within_range(y, good)
    additive = np.hstack([_indicators(x[inside]), _indicators(y[inside])])
    return inside, additive, np.eye(int(inside.sum())), "grid"


def _within_range(values: Floats, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (values >= values[good].min()) & (values <= values[good].max())
    return inside


def _indicators(values: Floats) -> Floats:
    """Return one indicator column per distinct value."""
    indicators: Floats = (values[:, None] == np.unique(values)).astype(float)
    return indicators


def _headline(rows: pd.DataFrame) -> str:
    return basin_headline(
        rows,
        lambda rows: f"Additive share: {span(rows.set_index('optimizer')['estimate'], '.2f')}.",
    )


SEPARABILITY = Measure(
    "separability",
    "Separability of learning rate and weight decay",
    "The share of the error's variance over log lr × log wd, near the optimum, that an additive "
    "model f(lr) + g(wd) explains, with the noise over seeds subtracted. At 1 the best weight "
    "decay does not depend on the learning rate. Near the optimum: the basin, up to several shares "
    "of the distance from the best error to that before training. Intervals over seeds.",
    separability,
    _headline,
    GRID_REQUIREMENT,
    column_headings(basin="basin", estimate=""),
    pivot="basin",
    order=60,
    possible_range=shares,
)
