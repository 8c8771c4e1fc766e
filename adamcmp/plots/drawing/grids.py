"""Maps of learning rate x weight decay: panels of cells of equal size with few ticks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from adamcmp.analysis.ordering import ordered
from adamcmp.analysis.wording import display_name
from adamcmp.plots.drawing.labels import tick_labels
from adamcmp.plots.drawing.panels import panels
from adamcmp.plots.drawing.styles import GREY, tag_optimizer

Floats = np.ndarray[Any, np.dtype[np.float64]]
#: Larger grids are rasterized in SVG and PDF, to keep the files small.
_MOST_VECTOR_CELLS = 250
_X_LABELS = {"wd": "weight decay", "lr_wd": "lr × weight decay"}
#: Characters of labels, each followed by a space, that fit under a panel.
_X_LABEL_CHARACTERS = 20


def grid_panels(cells: pd.DataFrame) -> tuple[Figure, Iterator[tuple[Axes, pd.DataFrame]]]:
    """Return a figure with a panel for each problem and optimizer.

    The panels of a single problem are in lines of two or three. If there are several problems, each
    starts a new line of up to four panels.

    Args:
        cells: The cells, as `adamcmp.plots._grid_cells.cells_on_grids` returns them.

    Returns:
        The figure, and each panel with its cells, whose columns ``column`` and ``row`` are their
        position.
    """
    problems, optimizers = ordered(cells["problem"]), ordered(cells["optimizer"])
    several = len(problems) > 1
    columns = min(len(optimizers), 4) if several else 2 if len(optimizers) <= 4 else 3
    # Hidden panels fill the line of a problem, so that the next problem starts a new line.
    blanks = [""] * (-len(optimizers) % columns if several else 0)
    keys = [(problem, name) for problem in problems for name in [*optimizers, *blanks]]
    titles = [display_name(name) + f"\n{problem}" * several for problem, name in keys]
    height = 1.65 + 0.15 * several
    figure, (axes,) = panels(titles, height=height, columns=columns, width=1.75)
    return figure, _label_panels(axes, keys, cells, columns)


def _label_panels(
    axes: list[Axes], keys: list[tuple[str, str]], cells: pd.DataFrame, columns: int
) -> Iterator[tuple[Axes, pd.DataFrame]]:
    """Yield each panel that has cells, with labels, and its cells. Hide the other panels."""
    for i, (ax, (problem, optimizer)) in enumerate(zip(axes, keys, strict=True)):
        shown = cells[(cells["problem"] == problem) & (cells["optimizer"] == optimizer)]
        ax.set_visible(not shown.empty)
        if shown.empty:
            continue
        column, row = _set_ticks(ax, "x", shown["decay"]), _set_ticks(ax, "y", shown["lr"])
        ax.grid(False)
        ax.tick_params(length=2)
        if i % columns == 0:
            ax.set_ylabel("learning rate")
        axis = shown["axis"].iloc[0]
        if i + columns >= len(keys) or (cells["axis"] != axis).any():
            ax.set_xlabel(_X_LABELS[axis])
        yield tag_optimizer(ax, optimizer), shown.assign(column=column, row=row)


def _set_ticks(ax: Axes, direction: str, values: pd.Series[float]) -> pd.Series[int]:
    """Label up to five distinct values on an axis, and return each value's position from 0."""
    levels = sorted(values.unique())
    labels = tick_labels(levels)
    # Labels of the horizontal axis are next to each other; powers are typeset narrower.
    longest = max(4 if label.startswith("$") else len(label) for label in labels)
    most = 5 if direction == "y" else max(min(_X_LABEL_CHARACTERS // (longest + 1), 4), 2)
    labelled = range(0, len(levels), math.ceil(len(levels) / most))
    getattr(ax, f"set_{direction}ticks")([*labelled], [labels[i] for i in labelled])
    getattr(ax, f"set_{direction}lim")(-0.5, len(levels) - 0.5)
    return values.map({level: i for i, level in enumerate(levels)})


def draw_cells(ax: Axes, cells: pd.DataFrame, column: str, norm: Normalize, colormap: str) -> None:
    """Color the cells by one of their columns."""
    values = cell_matrix(cells, column, like=cells)
    edges = [np.arange(n + 1) - 0.5 for n in values.shape[::-1]]
    ax.pcolormesh(
        *edges, np.ma.masked_invalid(values), norm=norm, cmap=colormap,
        rasterized=values.size > _MOST_VECTOR_CELLS,
    )  # fmt: skip


def cell_matrix(cells: pd.DataFrame, column: str, like: pd.DataFrame) -> Floats:
    """Return a column of cells as a matrix of the size of the grid of `like`, NaN where empty."""
    shape = (int(like["row"].max()) + 1, int(like["column"].max()) + 1)
    values = np.full(shape, np.nan)
    values[cells["row"].to_numpy(int), cells["column"].to_numpy(int)] = cells[column]
    return values


def hatched_cells(cells: pd.DataFrame, hatch: str, color: str) -> PatchCollection:
    """Return a hatched square over each cell."""
    positions = zip(cells["column"], cells["row"], strict=True)
    squares = [Rectangle((column - 0.5, row - 0.5), 1, 1) for column, row in positions]
    return PatchCollection(squares, hatch=hatch, facecolor=color, edgecolor=GREY, lw=0)
