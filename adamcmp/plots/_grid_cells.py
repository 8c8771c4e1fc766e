"""The data of maps over learning rate x weight decay: one row per cell of a grid."""

from __future__ import annotations

import pandas as pd

from adamcmp.analysis import RunTable, surface
from adamcmp.analysis.aggregation import mean_over_seeds
from adamcmp.analysis.decay_axes import axis_values, grid_axes
from adamcmp.analysis.setting_matrix import at_selected, on_common_seeds
from adamcmp.errors import NothingToDraw
from adamcmp.plots._options import metric_or_default
from adamcmp.plots.drawing.labels import metric_label

_OPTIMIZER_KEYS = ["problem", "optimizer"]
CELL_KEYS = [*_OPTIMIZER_KEYS, "lr", "wd"]


def grid_cells(table: RunTable, metric: str | None) -> pd.DataFrame:
    """Return the mean and 95 % interval of a metric in each cell.

    Args:
        table: The runs.
        metric: A final metric; None takes the test error, for regression the test loss.

    Returns:
        The columns of `adamcmp.analysis.surface`; ``share``, the share of seeds that diverged;
        ``metric``, and ``label``, its axis label.

    Raises:
        ConfigError: If there is no such metric.
        NothingToDraw: If there are no cells.
    """
    cells = surface(table)
    if cells.empty:
        raise NothingToDraw("There are no settings to select from on validation.")
    if metric is not None:
        at_best = at_selected(table)
        values = at_best.runs[on_common_seeds(at_best)]
        values = values.assign(value=values[metric_or_default(metric, values)].astype(float))
        cells = cells.drop(columns=["estimate", "ci_low", "ci_high", "n"])
        cells = cells.merge(mean_over_seeds(values, CELL_KEYS), on=CELL_KEYS)
    share = cells["diverged"] / (cells["n"] + cells["diverged"])
    return with_metric(cells.assign(share=share), table, metric)


def with_metric(values: pd.DataFrame, table: RunTable, metric: str | None) -> pd.DataFrame:
    """Return values with the columns ``metric`` and ``label``, its axis label.

    Args:
        values: A row per value, with column ``problem``.
        table: The runs.
        metric: A final metric; None takes the test error, for regression the test loss.
    """
    metrics = {name: metric_or_default(metric, part.runs) for name, part in table.by_problem()}
    labels = {
        name: metric_label(metrics[name], part.runs["loss"].iloc[0])
        for name, part in table.by_problem()
    }
    problem = values["problem"]
    return values.assign(metric=problem.map(metrics), label=problem.map(labels))


def cells_on_grids(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of those optimizers whose settings form a grid of lr x wd, or lr x lr·wd.

    A grid has at least two values of both, and at least half of its cells.

    Args:
        cells: Columns problem, optimizer, lr and wd; a row for each cell.

    Returns:
        The cells, with ``axis``, ``wd`` or ``lr_wd``: the axis of the grid beside lr (see
        `adamcmp.analysis.decay_axes`), and ``decay``, the value on it.

    Raises:
        NothingToDraw: If no optimizer has a grid.
    """
    on_grids = []
    for _, grid in cells.groupby(_OPTIMIZER_KEYS, sort=False):
        _, axis = grid_axes(grid)
        grid = grid.assign(axis=axis, decay=axis_values(grid, axis))
        rates, decays = grid["lr"].nunique(), grid["decay"].nunique()
        if min(rates, decays) > 1 and 2 * len(grid) >= rates * decays:
            on_grids.append(grid)
    if not on_grids:
        raise NothingToDraw("No optimizer has a grid of several lr and several wd.")
    grids = pd.concat(on_grids)
    return grids.loc[cells.index.intersection(grids.index)]
