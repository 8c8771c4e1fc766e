"""Where training breaks: the share of seeds that diverged, over learning rate × weight decay.

The line is the stability frontier: it lies above the largest learning rate at which every seed
trains, that is, did not diverge and ended at least half way from the training loss it started from
to the lowest of all runs. Crosses mark cells below it in which not every seed trains. Seeds are
those that most cells have: a winner's fresh seeds are left out. Other settings that were varied are
those of the optimizer's best.
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

from adamcmp.analysis import stability_frontier
from adamcmp.analysis.sensitivity import cells_that_train
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import FACET, HUE, as_asked
from adamcmp.plots._grid import CELL, cells_of, draw_matrix, maps, on_grids
from adamcmp.plots._style import legend, styled

_COLORS, _LINE = "Oranges", "#0072B2"


@dataclass(frozen=True)
class Divergence:
    """What is drawn.

    Attributes:
        cells: As `adamcmp.plots._grid.cells_of` returns them, with ``below``: whether the cell is
            below the frontier and not every seed trains.
        frontier: As `adamcmp.analysis.stability_frontier` returns it.
    """

    cells: pd.DataFrame
    frontier: pd.DataFrame


def data(
    runs: pd.DataFrame, metrics: pd.DataFrame, *, hue: str = HUE, facet: str = FACET
) -> Divergence:
    """Return the cells and the frontier.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Their evaluations.
        hue: What panels of a problem are told apart by.
        facet: What lines of panels are told apart by.
    """
    runs = as_asked(runs, hue, facet)
    if not (runs["status"] == "diverged").any():
        raise NothingToDraw("No run diverged.")
    cells, frontier = on_grids(cells_of(runs, None)), stability_frontier(runs, metrics)
    return Divergence(_marked(cells, frontier, cells_that_train(runs, metrics)), frontier)


def _marked(cells: pd.DataFrame, frontier: pd.DataFrame, trained: pd.DataFrame) -> pd.DataFrame:
    """Return cells with ``below``, the frontier being that of the cell's wd."""
    largest = trained.merge(frontier, on=["problem", "optimizer", "wd"])
    failing = largest[~largest["trains"] & (largest["lr"] < largest["all_seeds"])]
    below = pd.MultiIndex.from_frame(cells[CELL]).isin(pd.MultiIndex.from_frame(failing[CELL]))
    return cells.assign(below=below)


@styled
def draw(shown: Divergence) -> Figure:
    """Draw a panel for each problem and optimizer."""
    figure, panels = maps(shown.cells)
    norm = Normalize(0, 1)
    axes = []
    for axis, cells in panels:
        axes.append(axis)
        draw_matrix(axis, cells, "share", norm, _COLORS)
        _draw_frontier(axis, cells, shown.frontier)
        some = cells[cells["below"]]
        axis.plot(some["column"], some["row"], "x", color=_LINE, ms=3, mew=0.8)
    bar = figure.colorbar(
        ScalarMappable(norm, _COLORS), ax=axes, aspect=35, pad=0.02, fraction=0.05
    )
    bar.set_label("share of seeds that diverged")
    handles = [Line2D([], [], color=_LINE, lw=1.6, label="largest lr at which every seed trains")]
    if shown.cells["below"].any():
        label = "not every seed trains"
        handles += [Line2D([], [], ls="", marker="x", ms=3, mew=0.8, color=_LINE, label=label)]
    legend(figure, handles, "")
    return figure


def _draw_frontier(axis: Axes, cells: pd.DataFrame, frontier: pd.DataFrame) -> None:
    """Draw a step over the largest lr at which every seed trains, for each wd."""
    rows = cells.drop_duplicates("lr").set_index("lr")["row"]
    columns = cells.drop_duplicates("wd").set_index("wd")["column"].sort_values()
    mine = frontier[frontier["problem"] == cells["problem"].iloc[0]]
    mine = mine[mine["optimizer"] == cells["optimizer"].iloc[0]].set_index("wd")
    sound = mine["all_seeds"].reindex(columns.index)
    tops = sound.map(rows).fillna(-1).to_numpy(float) + 0.5
    axis.stairs(tops, np.arange(len(tops) + 1) - 0.5, baseline=None, color=_LINE, lw=1.6)
