"""Figures with panels: their sizes, their titles and their logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from adamcmp.analysis.ordering import ordered
from adamcmp.plots.drawing.labels import display_text, tick_labels

#: Widths of a paper's column and page.
COLUMN_INCHES, PAGE_INCHES = 3.4, 7.0


def panels(
    titles: Sequence[str], rows: int = 1, height: float = 2.1, columns: int = 3, width: float = 2.8
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with one column of panels for each title, and its panels.

    Args:
        titles: The titles of the columns of panels, each above its first panel.
        rows: Panels under each title.
        height: Height of a panel, in inches.
        columns: Panels next to each other. With one row, further panels go to the next line. With
            several rows, more titles than this are transposed: each title has a separate line.
        width: Smallest width of a panel, in inches. The figure is as wide as a paper's column, or
            wider where its panels need it, up to the width of the page.

    Returns:
        The figure, and its panels as ``[row][title]``.
    """
    n = len(titles)
    # Four panels are two lines of two, instead of three and one.
    columns = 2 if n == 4 and rows == 1 else columns
    transposed = rows > 1 and n > columns
    if transposed:
        shape = (n, rows)
    else:
        shape = (rows, n) if n <= columns else (math.ceil(n / columns), columns)
    figure_width = min(max(COLUMN_INCHES, width * shape[1]), PAGE_INCHES)
    figure = Figure(figsize=(figure_width, height * shape[0] + 0.6), layout="constrained")
    grid = figure.subplots(*shape, squeeze=False)
    for unused in grid.flat[rows * n :]:
        unused.set_visible(False)
    axes = [list(grid.flat[:n])] if rows == 1 else (grid.T if transposed else grid)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.locator_params(axis="x", nbins=5)
        lines = [
            display_text(line, int(figure_width / shape[1] * 13)) for line in title.split("\n")
        ]
        ax.set_title("\n".join(lines))
    return figure, [list(row) for row in axes]


def panels_by(
    table: pd.DataFrame, column: str, values: Iterable[str]
) -> tuple[Figure, list[tuple[Axes, str, pd.DataFrame]]]:
    """Return a figure with a column of panels for each problem and a row for each value.

    Args:
        table: What is drawn, with the columns ``problem`` and `column`.
        column: The column whose values are the rows of panels.
        values: Its values in display order. A value that the table lacks has no row.

    Returns:
        The figure, and of each panel with data: its axes, its value and its rows of the table.
        Panels without data are hidden.
    """
    problems = ordered(table["problem"])
    values = [value for value in values if (table[column] == value).any()]
    figure, axes = panels(problems, len(values))
    drawn = []
    for row_of_axes, value in zip(axes, values, strict=True):
        for ax, problem in zip(row_of_axes, problems, strict=True):
            rows = table[(table["problem"] == problem) & (table[column] == value)]
            ax.set_visible(not rows.empty)
            if not rows.empty:
                drawn.append((ax, value, rows))
    return figure, drawn


def log_x_axis(ax: Axes, values: pd.Series[float], zero: bool = False) -> None:
    """Make the horizontal axis logarithmic, with at least two labelled ticks.

    Args:
        ax: The axes.
        values: All values on the axis, above 0. If they are whole numbers, so are the ticks.
        zero: Whether the least value is drawn for 0, and labelled so.
    """
    ax.set_xscale("log")
    ax.xaxis.set_minor_formatter(NullFormatter())
    low, high = values.min(), values.max()
    ticks = [10.0**p for p in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
    if len(ticks) > 1 and not zero:
        return  # matplotlib's ticks are at powers of ten too
    if zero:
        ticks = [low, *(tick for tick in ticks if tick > 2 * low)]
        labels = ["0", *(f"$10^{{{round(math.log10(tick))}}}$" for tick in ticks[1:])]
    else:
        steps = np.geomspace(low, high, 4) if high > 1.02 * low else [low]
        digits = 1 if high > 3 * low else 2
        ticks = [float(f"{step:.{digits}g}") for step in steps]
        labels = tick_labels(ticks)
        if (values % 1 == 0).all():
            ticks = sorted({float(round(step)) for step in steps})
            labels = [f"{tick:.0f}" for tick in ticks]
    ax.set_xticks(ticks, labels)
