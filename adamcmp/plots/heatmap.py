"""Test error over learning rate × weight decay, all optimizers on one color scale.

Each cell is the mean of the final test error (regression: loss) over the seeds that most cells
have; additional seeds of the selected setting are left out. Other settings that were varied are
those of the optimizer's best setting. The horizontal axis is lr · wd for a grid over lr_wd. Each
problem has a separate color scale. Circles mark the ten best cells of an optimizer (of a small
grid, the best quarter); the star marks the setting selected on validation. Cells in which a seed
diverged are hatched, on gray where all seeds did. Contours are the additive model f(lr) + g(wd),
fitted around the optimum: if they follow the colors, the best weight decay does not depend on the
learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from adamcmp.analysis import RunTable, additive_surface, higher_is_better
from adamcmp.plots._grid_cells import CELL_KEYS, cells_on_grids, grid_cells
from adamcmp.plots.drawing.grids import cell_matrix, draw_cells, grid_panels, hatched_cells
from adamcmp.plots.drawing.labels import in_shown_unit
from adamcmp.plots.drawing.legends import add_legend
from adamcmp.plots.drawing.styles import GREY

_COLORMAP = "viridis"  # readable in grayscale and with color blindness
_BEST_COLOR, _DIVERGED_COLOR = "#D55E00", "#d9d9d9"
#: A grid of at most this size shows the mean in each cell.
_MOST_NUMBERED_COLUMNS, _MOST_NUMBERED_ROWS = 4, 5
#: Maximum number of cells of an optimizer that are marked as best.
_MOST_MARKED = 10


@dataclass(frozen=True)
class Heatmap:
    """The data of the plot.

    Attributes:
        cells: The columns of `grid_cells`, and ``position``: from 0, among the optimizer's cells
            without diverged seeds by their estimate, the best first.
        additive: As `adamcmp.analysis.additive_surface` returns it; empty when a metric is named.
        higher_is_better: Whether larger values of the metric are better.
    """

    cells: pd.DataFrame
    additive: pd.DataFrame
    higher_is_better: bool


def data(table: RunTable, *, metric: str | None = None) -> Heatmap:
    """Return each optimizer's cells, and the additive model of its test error.

    Args:
        table: The runs.
        metric: A final metric; None takes the test error, for regression the test loss.
    """
    cells = cells_on_grids(grid_cells(table, metric))
    higher = metric is not None and higher_is_better(metric)
    by_optimizer = cells[cells["share"] == 0].groupby(["problem", "optimizer"])
    position = by_optimizer["estimate"].rank(method="first", ascending=not higher) - 1
    additive = additive_surface(table)
    return Heatmap(
        cells.assign(position=position), additive if metric is None else additive.iloc[:0], higher
    )


def draw(heatmap: Heatmap) -> Figure:
    """Draw a panel for each problem and optimizer."""
    heatmap = replace(heatmap, cells=in_shown_unit(heatmap.cells))
    figure, panels = grid_panels(heatmap.cells)
    # The best cells are the brightest.
    colormap = _COLORMAP if heatmap.higher_is_better else f"{_COLORMAP}_r"
    norms = {
        str(problem): _color_scale(cells["estimate"], heatmap.higher_is_better)
        for problem, cells in heatmap.cells.groupby("problem")
    }
    contours = False
    axes: dict[str, list[Axes]] = {problem: [] for problem in norms}
    for ax, cells in panels:
        problem = cells["problem"].iloc[0]
        axes[problem].append(ax)
        draw_cells(ax, cells, "estimate", norms[problem], colormap)
        _draw_diverged(ax, cells)
        contours = _draw_contours(ax, cells, heatmap.additive) or contours
        _mark_best(ax, cells)
        _write_means(ax, cells, norms[problem], colormap)
    for problem, norm in norms.items():
        _add_color_bar(figure, heatmap, problem, ScalarMappable(norm, colormap), axes[problem])
    add_legend(figure, _handles(heatmap.cells, contours), _note(heatmap.cells))
    return figure


def _color_scale(values: pd.Series[float], higher_is_better: bool) -> Normalize:
    """Return the color scale of a problem's cells, from the best to the worst tenth.

    The worst tenth has one color: cells that train badly would take most of the scale.
    """
    if higher_is_better:
        low, high = float(values.quantile(0.1)), float(values.max())
    else:
        low, high = float(values.min()), float(values.quantile(0.9))
    clips = low > values.min() or high < values.max()
    return Normalize(low, high if high > low else low + 1e-9, clip=clips)


def _add_color_bar(
    figure: Figure, heatmap: Heatmap, problem: str, colors: ScalarMappable, axes: list[Axes]
) -> None:
    cells = heatmap.cells[heatmap.cells["problem"] == problem]
    clipped_end = "min" if heatmap.higher_is_better else "max"
    # The bar is longer beside several lines of panels, but not wider.
    rows = len({ax.get_position().y0 for ax in axes})
    bar = figure.colorbar(
        colors, ax=axes, extend=clipped_end if colors.norm.clip else "neither",
        aspect=17.5 * rows, pad=0.02, fraction=0.05,
    )  # fmt: skip
    bar.set_label(cells["label"].iloc[0])
    bar.outline.set_visible(False)


def _draw_diverged(ax: Axes, cells: pd.DataFrame) -> None:
    ax.add_collection(hatched_cells(cells[cells["share"] == 1], "//////", _DIVERGED_COLOR))
    some_seeds = cells[(cells["share"] > 0) & (cells["share"] < 1)]
    ax.add_collection(hatched_cells(some_seeds, "////", "none"))


def _draw_contours(ax: Axes, cells: pd.DataFrame, additive: pd.DataFrame) -> bool:
    """Draw the additive model's contours, and return whether there are any."""
    fitted = cells.merge(additive, on=CELL_KEYS)
    if fitted["row"].nunique() < 3 or fitted["column"].nunique() < 3:
        return False  # too few cells for a meaningful line
    levels = np.quantile(fitted["fitted"], [0.15, 0.35, 0.6, 0.85])
    if len(np.unique(levels)) < len(levels):
        return False
    heights = np.ma.masked_invalid(cell_matrix(fitted, "fitted", like=cells))
    lines = ax.contour(heights, levels, colors="white", linewidths=0.7)
    # The dark outline makes white lines visible on bright cells.
    lines.set_path_effects([withStroke(linewidth=1.1, foreground=GREY)])
    return True


def _mark_best(ax: Axes, cells: pd.DataFrame) -> None:
    best = cells[cells["position"] < min(_MOST_MARKED, len(cells) / 4)]
    ax.plot(best["column"], best["row"], "o", mfc="none", mec=_BEST_COLOR, mew=1.0, ms=5)
    selected = cells[cells["rank"] == 0]
    ax.plot(selected["column"], selected["row"], "*", color="black", mec="white", mew=0.5, ms=7)


def _write_means(ax: Axes, cells: pd.DataFrame, norm: Normalize, colormap: str) -> None:
    """Write the mean into each cell of a grid with few of them, below its marks."""
    columns, rows = (cells[axis].max() + 1 for axis in ("column", "row"))
    if columns > _MOST_NUMBERED_COLUMNS or rows > _MOST_NUMBERED_ROWS:
        return
    for column, row, mean in cells[["column", "row", "estimate"]].dropna().to_numpy(float):
        red, green, blue, _ = np.power(mpl.colormaps[colormap](norm(mean)), 2.2)
        # White has more contrast than black below this luminance (WCAG 2).
        is_dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.18
        ax.text(
            column, row - 0.08, f"{mean:.3g}", ha="center", va="top", fontsize=6.5,
            color="white" if is_dark else "black",
        )  # fmt: skip


def _handles(cells: pd.DataFrame, contours: bool) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], ls="", marker="o", ms=5, mfc="none", mec=_BEST_COLOR, label="best cells"),
        Line2D([], [], ls="", marker="*", ms=7, color="black", label="selected on validation"),
    ]
    if contours:
        handles += [Line2D([], [], color="#bbbbbb", lw=1, label="additive model")]
    if (cells["diverged"] > 0).any():
        handles += [Patch(fc=_DIVERGED_COLOR, ec=GREY, lw=0, hatch="//////", label="diverged")]
    return handles


def _note(cells: pd.DataFrame) -> str:
    seeds = cells["n"] + cells["diverged"]
    low, high = int(seeds.min()), int(seeds.max())
    if low == high:
        return f"Mean over {low} seed{'s' * (low > 1)} per cell"
    return f"Mean over {low} to {high} seeds per cell"
