"""Mean curves over seeds with their bands."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from adamcmp.plots.drawing.labels import MIN_SEEDS, X_LABELS, in_shown_unit, metric_label
from adamcmp.plots.drawing.muting import is_muted, layer
from adamcmp.plots.drawing.panels import panels_by
from adamcmp.plots.drawing.styles import optimizer_styles, tag_optimizer


def draw_curve_panels(
    curves: pd.DataFrame, line_styles: Mapping[str, str]
) -> tuple[Figure, list[Axes]]:
    """Draw mean curves with their bands: a column of panels per problem, a row per measure.

    Args:
        curves: As `adamcmp.plots._mean_curves.mean_curves` returns them, of metrics such as
            ``"test_loss"``.
        line_styles: The line style of each split, which is the first part of a metric's name.

    Returns:
        The figure and its panels.
    """
    curves = in_shown_unit(curves)
    split, measure = (curves["metric"].str.split("_").str[i] for i in (0, 1))
    curves = curves.assign(split=split, measure=measure)
    figure, panels = panels_by(curves, "measure", ("loss", "error", "accuracy"))
    is_gap = "gap" in line_styles
    for ax, name, rows in panels:
        for split_name, style in line_styles.items():
            draw_curves(ax, rows[rows["split"] == split_name], style)
        set_y_limits(ax, rows, log=name == "loss" and not is_gap)
        metric = f"gap_{name}" if is_gap else name
        ax.set_ylabel(metric_label(metric, rows["loss_name"].iloc[0]))
        ax.set_xlabel(X_LABELS[rows["x_name"].iloc[0]])
    return figure, [ax for ax, _, _ in panels]


def draw_curves(
    ax: Axes, curves: pd.DataFrame, style: str = "-", marker_every: int | None = None
) -> None:
    """Draw each optimizer's mean curve of one metric, and its band unless it is muted.

    Args:
        ax: The axes.
        curves: Columns ``optimizer x estimate ci_low ci_high n``.
        style: Style of the lines.
        marker_every: Points from one marker to the next; None sets a few markers along each line.
    """
    styles = optimizer_styles(curves["optimizer"])
    for i, (name, (color, marker)) in enumerate(styles.items()):
        curve = curves[curves["optimizer"] == name]
        if is_muted(name):
            x, y = curve["x"], curve["estimate"]
            (line,) = ax.plot(x, y, style, color=color, lw=0.8, zorder=layer(name))
            tag_optimizer(line, name)
            continue
        # By default, each optimizer has its markers at other positions, so that they do not
        # overlap.
        (line,) = ax.plot(
            curve["x"], curve["estimate"], style, color=color, marker=marker, ms=3,
            markevery=marker_every or (0.05 + 0.2 * i / len(styles), 0.25),
        )  # fmt: skip
        band = ax.fill_between(
            curve["x"], curve["ci_low"], curve["ci_high"], curve["n"] >= MIN_SEEDS,
            color=color, alpha=0.15, lw=0,
        )  # fmt: skip
        tag_optimizer(line, name)
        tag_optimizer(band, name)


def set_y_limits(ax: Axes, curves: pd.DataFrame, log: bool = True) -> None:
    """Choose the scale and the limits of the vertical axis by the means.

    Bands may extend beyond the panel: over few seeds they are much wider than the range of means.

    Args:
        ax: The axes.
        curves: What is drawn on them.
        log: Whether the scale is logarithmic where means span more than a factor of 30.
    """
    low, high = curves["estimate"].min(), curves["estimate"].max()
    banded = curves[curves["n"] >= MIN_SEEDS]
    lowest = min(low, banded["ci_low"].min()) if len(banded) else low
    highest = max(high, banded["ci_high"].max()) if len(banded) else high
    if log and low > 0 and high > 30 * low:
        ax.set_yscale("log")
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.set_ylim(max(lowest, low / 2) / 1.1, min(highest, 2 * high) * 1.1)
        return
    # All means may be equal, or 0.
    beyond = 0.25 * (high - low) or 0.05 * abs(high) or 1.0
    margin = 0.2 * beyond
    ax.set_ylim(max(lowest, low - beyond) - margin, min(highest, high + beyond) + margin)
