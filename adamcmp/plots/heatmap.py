"""Test error over learning rate × weight decay, all optimizers on one colour scale.

A cell is the mean of the final test error (regression: loss) over the seeds that most cells have: a
winner's fresh seeds are left out. Other settings that were varied are those of the optimizer's
best. Each problem has a colour scale. Circles mark an optimizer's ten best cells (of a small grid
the best quarter), the star the one chosen on validation. Hatched cells diverged, for all of their
seeds where they are grey. Contours are the additive model f(lr) + g(wd), fitted around the optimum:
where they follow the colours, the best weight decay does not depend on the learning rate.
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
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from adamcmp.analysis import additive_surface, higher_is_better
from adamcmp.plots._asked import FACET, HUE, as_asked
from adamcmp.plots._grid import CELL, cells_of, draw_matrix, maps, matrix, on_grids, squares
from adamcmp.plots._style import legend, styled

_COLORS = "viridis_r"  # readable in grey and by the colour-blind
_BEST = 10


@dataclass(frozen=True)
class Heatmap:
    """What is drawn.

    Attributes:
        cells: As `adamcmp.plots._grid.cells_of` returns them, with ``place``: that of the
            estimate among the optimizer's, from 0.
        additive: As `adamcmp.analysis.additive_surface` returns it; without rows for a
            metric of one's own.
        upward: Whether more of the metric is better.
    """

    cells: pd.DataFrame
    additive: pd.DataFrame
    upward: bool


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    metric: str | None = None,
    hue: str = HUE,
    facet: str = FACET,
) -> Heatmap:
    """Return each optimizer's cells and the additive model of its test error.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Not used.
        metric: A final metric; None takes the test error, for regression the test loss.
        hue: What panels of a problem are told apart by.
        facet: What lines of panels are told apart by.
    """
    runs = as_asked(runs, hue, facet)
    cells = on_grids(cells_of(runs, metric))
    sound = cells[cells["share"] == 0]
    upward = metric is not None and higher_is_better(metric)
    places = sound.groupby(CELL[:2])["estimate"].rank(method="first", ascending=not upward) - 1
    cells = cells.assign(place=places)
    additive = additive_surface(runs)
    return Heatmap(cells, additive if metric is None else additive.iloc[:0], upward)


@styled
def draw(shown: Heatmap) -> Figure:
    """Draw a panel for each problem and optimizer."""
    figure, panels = maps(shown.cells)
    colors = _COLORS.removesuffix("_r") if shown.upward else _COLORS  # the best is bright
    norms = {
        str(problem): _scale(cells["estimate"], shown.upward)
        for problem, cells in shown.cells.groupby("problem")
    }
    contours = False
    axes: dict[str, list[Axes]] = {problem: [] for problem in norms}
    for axis, cells in panels:
        problem = cells["problem"].iloc[0]
        axes[problem].append(axis)
        draw_matrix(axis, cells, "estimate", norms[problem], colors)
        _draw_diverged(axis, cells)
        contours = _draw_contours(axis, cells, shown.additive) or contours
        _mark(axis, cells)
    for problem, norm in norms.items():
        cells = shown.cells[shown.cells["problem"] == problem]
        beyond = ("min" if shown.upward else "max") if norm.clip else "neither"
        bar = figure.colorbar(
            ScalarMappable(norm, colors), ax=axes[problem], extend=beyond,
            aspect=17.5 * len({a.get_position().y0 for a in axes[problem]}),
            pad=0.02, fraction=0.05,
        )  # fmt: skip
        bar.set_label(cells["label"].iloc[0])
        bar.outline.set_visible(False)
    legend(figure, _handles(shown.cells, contours), _note(shown.cells))
    return figure


def _scale(values: pd.Series[float], upward: bool) -> Normalize:
    """Return the colour scale of all cells; it clips where useless ones would take most of it."""
    ends = (values.quantile(0.1), values.max()) if upward else (values.min(), values.quantile(0.9))
    low, high = (float(end) for end in ends)
    clips = low > values.min() or high < values.max()
    return Normalize(low, high if high > low else low + 1e-9, clip=clips)


def _draw_diverged(axis: Axes, cells: pd.DataFrame) -> None:
    axis.add_collection(squares(cells[cells["share"] == 1], "//////", "#d9d9d9"))
    some = cells[(cells["share"] > 0) & (cells["share"] < 1)]
    axis.add_collection(squares(some, "////", "none"))


def _draw_contours(axis: Axes, cells: pd.DataFrame, additive: pd.DataFrame) -> bool:
    """Draw the additive model's contours, and return whether there are any."""
    fitted = cells.merge(additive, on=CELL)
    if fitted["row"].nunique() < 3 or fitted["column"].nunique() < 3:
        return False  # too few cells for a line to mean anything
    levels = np.quantile(fitted["fitted"], [0.15, 0.35, 0.6, 0.85])
    if len(np.unique(levels)) < len(levels):
        return False
    heights = np.ma.masked_invalid(matrix(fitted, "fitted", cells))
    lines = axis.contour(heights, levels, colors="white", linewidths=0.7)
    lines.set_path_effects([withStroke(linewidth=1.1, foreground="#555555")])  # on any colour
    return True


def _mark(axis: Axes, cells: pd.DataFrame) -> None:
    best = cells[cells["place"] < min(_BEST, len(cells) / 4)]
    axis.plot(best["column"], best["row"], "o", mfc="none", mec="#D55E00", mew=1.0, ms=5)
    chosen = cells[cells["rank"] == 0]
    axis.plot(chosen["column"], chosen["row"], "*", color="black", mec="white", mew=0.5, ms=7)


def _handles(cells: pd.DataFrame, contours: bool) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], ls="", marker="o", ms=5, mfc="none", mec="#D55E00", label="best cells"),
        Line2D([], [], ls="", marker="*", ms=7, color="black", label="chosen on validation"),
    ]
    if contours:
        handles += [Line2D([], [], color="#bbbbbb", lw=1, label="additive model")]
    if (cells["diverged"] > 0).any():
        handles += [Patch(fc="#d9d9d9", ec="#555555", lw=0, hatch="//////", label="diverged")]
    return handles


def _note(cells: pd.DataFrame) -> str:
    seeds = cells["n"] + cells["diverged"]
    low, high = int(seeds.min()), int(seeds.max())
    return (
        f"Mean over {low} seed{'s' * (low > 1)} a cell"
        if low == high
        else (f"Mean over {low} to {high} seeds a cell")
    )
