"""What maps over lr × weight decay share: a panel for each optimizer, equal cells, few ticks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from adamcmp.analysis import surface
from adamcmp.analysis.intervals import averaged
from adamcmp.analysis.setting_matrix import at_best, compared
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import metric_or
from adamcmp.plots._style import belongs, metric_label, ordered, panels

Floats = np.ndarray[Any, np.dtype[np.float64]]
_KEYS = ["problem", "optimizer"]
CELL = [*_KEYS, "lr", "wd"]


def cells_of(runs: pd.DataFrame, metric: str | None) -> pd.DataFrame:
    """Return `adamcmp.analysis.surface`, of another metric where one is asked for.

    Further columns: ``share``, of seeds that diverged; ``label``, what the estimate is called.

    Raises:
        ConfigError: When there is no such metric.
        NothingToDraw: When there are no cells.
    """
    cells = surface(runs)
    if cells.empty:
        raise NothingToDraw("There are no settings to choose from on validation.")
    if metric is not None:
        values = at_best(runs)
        values = values[compared(values)]
        values = values.assign(value=values[metric_or(metric, values)].astype(float))
        cells = cells.drop(columns=["estimate", "ci_low", "ci_high", "n"])
        cells = cells.merge(averaged(values, CELL), on=CELL)
    labels = {
        problem: metric_label(metric_or(metric, group), group["loss"].iloc[0])
        for problem, group in runs.groupby("problem")
    }
    share = cells["diverged"] / (cells["n"] + cells["diverged"])
    return cells.assign(share=share, label=cells["problem"].map(labels))


def on_grids(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of those optimizers whose settings lie on a grid of lr × wd.

    A grid has two values or more of both, and at least half of its cells.

    Args:
        cells: Columns problem, optimizer, lr and wd; a row for each cell.

    Raises:
        NothingToDraw: When no optimizer has a grid.
    """
    counts = cells.groupby(_KEYS, sort=False)[["lr", "wd"]].nunique()
    sizes = cells.groupby(_KEYS, sort=False).size()
    gridded = (counts.min(axis=1) > 1) & (2 * sizes >= counts.prod(axis=1))
    if not gridded.any():
        raise NothingToDraw("No optimizer's settings lie on a grid of several lr and several wd.")
    return cells[pd.MultiIndex.from_frame(cells[_KEYS]).isin(gridded[gridded].index)]


def maps(cells: pd.DataFrame) -> tuple[Figure, Iterator[tuple[Axes, pd.DataFrame]]]:
    """Return a figure, and each panel with its cells, which are at ``column`` and ``row``.

    One problem's optimizers fill a column of a paper, two beside each other; several problems are
    a line each.
    """
    problems, optimizers = ordered(cells["problem"]), ordered(cells["optimizer"])
    several = len(problems) > 1
    across = min(len(optimizers), 4) if several else 2 if len(optimizers) <= 4 else 3
    blanks = [""] * (-len(optimizers) % across if several else 0)
    shown = [(p, o) for p in problems for o in [*optimizers, *blanks]]
    titles = [f"{o}\n{p}" if several else o for p, o in shown]
    figure, (axes,) = panels(titles, height=1.65 + 0.15 * several, across=across, width=1.75)
    return figure, _placed(axes, shown, cells, across)


def _placed(
    axes: list[Axes], shown: list[tuple[str, str]], cells: pd.DataFrame, across: int
) -> Iterator[tuple[Axes, pd.DataFrame]]:
    for i, (axis, (problem, optimizer)) in enumerate(zip(axes, shown, strict=True)):
        here = cells[(cells["problem"] == problem) & (cells["optimizer"] == optimizer)]
        axis.set_visible(not here.empty)
        if here.empty:
            continue
        here = here.assign(column=_ticks(axis, "x", here["wd"]), row=_ticks(axis, "y", here["lr"]))
        axis.grid(False)
        axis.tick_params(length=2)
        if i % across == 0:
            axis.set_ylabel("learning rate")
        if i + across >= len(shown):
            axis.set_xlabel("weight decay")
        yield belongs(axis, optimizer), here


def _ticks(axis: Axes, direction: str, values: pd.Series[float]) -> pd.Series[int]:
    """Number the values along an axis from 0 on, and name up to five of them on it."""
    levels = sorted(values.unique())
    few = range(0, len(levels), math.ceil(len(levels) / (5 if direction == "y" else 4)))
    texts = [exact(levels[i], levels) for i in few]
    getattr(axis, f"set_{direction}ticks")([*few], texts)
    getattr(axis, f"set_{direction}lim")(-0.5, len(levels) - 0.5)
    return values.map({level: i for i, level in enumerate(levels)})


def exact(value: float, levels: Sequence[float]) -> str:
    """Return a value as a power of two where all levels are, else of ten, else a short number."""
    if value == 0:
        return "0"
    for base, log in ((2, np.log2), (10, np.log10)):
        powers = log([v for v in levels if v > 0])
        if np.allclose(powers, np.round(powers), atol=1e-6) and len(powers) > 1:
            return f"${base}^{{{round(float(log(value)))}}}$"
    power = math.floor(math.log10(value))
    if -2 <= power <= 2:
        return f"{value:.2g}"
    digits = f"{value / 10.0**power:.2g}"
    return f"$10^{{{power}}}$" if digits == "1" else f"{digits}e{power}"


def draw_matrix(axis: Axes, cells: pd.DataFrame, values: str, norm: Normalize, colors: str) -> None:
    """Colour the cells by one of their columns."""
    found = matrix(cells, values, cells)
    edges = [np.arange(n + 1) - 0.5 for n in found.shape[::-1]]
    many = found.size > 250  # then they are pixels, also in svg and pdf
    axis.pcolormesh(*edges, np.ma.masked_invalid(found), norm=norm, cmap=colors, rasterized=many)


def squares(cells: pd.DataFrame, hatch: str, face: str) -> PatchCollection:
    """Return a hatched square for each cell."""
    places = zip(cells["column"], cells["row"], strict=True)
    made = [Rectangle((column - 0.5, row - 0.5), 1, 1) for column, row in places]
    return PatchCollection(made, hatch=hatch, facecolor=face, edgecolor="#555555", lw=0)


def matrix(cells: pd.DataFrame, values: str, like: pd.DataFrame) -> Floats:
    """Return a column of cells as a matrix, NaN where there is none, as large as `like`'s grid."""
    shape = (int(like["row"].max()) + 1, int(like["column"].max()) + 1)
    made = np.full(shape, np.nan)
    made[cells["row"].to_numpy(int), cells["column"].to_numpy(int)] = cells[values]
    return made
