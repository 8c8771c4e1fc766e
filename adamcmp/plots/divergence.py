"""Where training diverges: the share of seeds that diverged, over learning rate × weight decay.

The blue line is the stability frontier, just above the largest learning rate at which every seed
trains; a grid over lr_wd has none. A seed trains if it does not diverge and its training loss
falls by at least half of the distance from its initial value to the lowest final value of all runs.
Crosses mark cells below the frontier in which not every seed trains. Cells have the seeds that most
cells have; additional seeds of the selected setting are left out. Other settings that were varied
are those of the optimizer's best setting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.analysis import RunTable, cells_that_train, stability_frontier
from adamcmp.errors import NothingToDraw
from adamcmp.plots._grid_cells import CELL_KEYS, cells_on_grids, grid_cells
from adamcmp.plots.drawing.grids import draw_cells, grid_panels
from adamcmp.plots.drawing.legends import add_legend

_COLORMAP, _LINE_COLOR = "Oranges", "#0072B2"


@dataclass(frozen=True)
class Divergence:
    """The data of the plot.

    Attributes:
        cells: The columns of `grid_cells`, and ``below``: whether the cell is below the frontier
            and not every seed trains.
        frontier: As `adamcmp.analysis.stability_frontier` returns it.
    """

    cells: pd.DataFrame
    frontier: pd.DataFrame


def data(table: RunTable) -> Divergence:
    """Return the cells and the stability frontier."""
    if not (table.runs["status"] == "diverged").any():
        raise NothingToDraw("No run diverged.")
    cells = cells_on_grids(grid_cells(table, metric=None))
    frontier = stability_frontier(table)
    return Divergence(_mark_failing(cells, frontier, cells_that_train(table)), frontier)


def _mark_failing(
    cells: pd.DataFrame, frontier: pd.DataFrame, trains: pd.DataFrame
) -> pd.DataFrame:
    """Return the cells with ``below``, by the frontier at each cell's weight decay."""
    with_frontier = trains.merge(frontier, on=["problem", "optimizer", "wd"])
    below = with_frontier["lr"] < with_frontier["all_seeds"]
    failing = with_frontier[~with_frontier["trains"] & below]
    marked = pd.MultiIndex.from_frame(failing[CELL_KEYS])
    return cells.assign(below=pd.MultiIndex.from_frame(cells[CELL_KEYS]).isin(marked))


def draw(divergence: Divergence) -> Figure:
    """Draw a panel for each problem and optimizer."""
    figure, panels = grid_panels(divergence.cells)
    norm = Normalize(0, 1)
    axes = []
    for ax, cells in panels:
        axes.append(ax)
        draw_cells(ax, cells, "share", norm, _COLORMAP)
        if cells["axis"].iloc[0] == "wd":
            _draw_frontier(ax, cells, divergence.frontier)
        failing = cells[cells["below"]]
        ax.plot(failing["column"], failing["row"], "x", color=_LINE_COLOR, ms=3, mew=0.8)
    bar = figure.colorbar(
        ScalarMappable(norm, _COLORMAP), ax=axes, aspect=35, pad=0.02, fraction=0.05
    )
    bar.set_label("share of seeds that diverged")
    add_legend(figure, _handles(divergence.cells), "")
    return figure


def _handles(cells: pd.DataFrame) -> list[Line2D]:
    label = "largest lr at which every seed trains"
    handles = [Line2D([], [], color=_LINE_COLOR, lw=1.6, label=label)]
    if cells["below"].any():
        label = "not every seed trains"
        handles += [
            Line2D([], [], ls="", marker="x", ms=3, mew=0.8, color=_LINE_COLOR, label=label)
        ]
    return handles


def _draw_frontier(ax: Axes, cells: pd.DataFrame, frontier: pd.DataFrame) -> None:
    """Draw a step above the largest lr at which every seed trains, for each wd."""
    row_of_lr = cells.drop_duplicates("lr").set_index("lr")["row"]
    column_of_wd = cells.drop_duplicates("wd").set_index("wd")["column"].sort_values()
    frontier = frontier[frontier["problem"] == cells["problem"].iloc[0]]
    frontier = frontier[frontier["optimizer"] == cells["optimizer"].iloc[0]].set_index("wd")
    largest_lr = frontier["all_seeds"].reindex(column_of_wd.index)
    # If some seed fails at every lr, the frontier is at the lower edge.
    tops = largest_lr.map(row_of_lr).fillna(-1).to_numpy(float) + 0.5
    edges = np.arange(len(tops) + 1) - 0.5
    ax.stairs(tops, edges, baseline=None, color=_LINE_COLOR, lw=1.6)
