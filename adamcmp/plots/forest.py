"""Differences between pairs of optimizers, with their intervals.

Each line is the mean difference "first minus second" of the final metric, each optimizer at its
best setting, with its 95 % interval: Student's t over the seeds that both have, or Welch's t over
all seeds of each where they share only one, or fewer than half the seeds of the optimizer with
fewer. A dot is filled if one is better: p is below 0.05 after correction for all
comparisons of the problem, and after a correction for selection bias.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamcmp.analysis import RunTable, comparisons, higher_is_better
from adamcmp.analysis.ordering import ordered
from adamcmp.analysis.wording import display_name
from adamcmp.errors import NothingToDraw
from adamcmp.plots._options import metric_or_default
from adamcmp.plots.drawing.labels import (
    display_text,
    diverged_note,
    in_shown_unit,
    metric_label,
)
from adamcmp.plots.drawing.legends import add_legend
from adamcmp.plots.drawing.panels import panels

_LINE_INCHES = 0.1
_COLOR = "#0072B2"


def data(table: RunTable, *, metric: str | None = None) -> pd.DataFrame:
    """Return `adamcmp.analysis.comparisons` of each pair, with ``loss_name``.

    Args:
        table: The runs.
        metric: A final metric; None takes the test error, for regression the test loss.
    """
    runs = table.runs
    if metric is not None:
        metric_or_default(metric, runs)
    pairs = comparisons(table, metric).dropna(subset="estimate")
    if pairs.empty:
        raise NothingToDraw("No problem has two optimizers with completed runs.")
    if pairs["ci_low"].isna().all():
        raise NothingToDraw("With one seed per optimizer, differences have no interval.")
    losses = runs.groupby("problem")["loss"].first()
    return pairs.assign(loss_name=pairs["problem"].map(losses)).reset_index(drop=True)


def draw(pairs: pd.DataFrame) -> Figure:
    """Draw a panel for each problem, a line for each pair."""
    problems = ordered(pairs["problem"])
    names = [
        display_text(f"{display_name(a)} − {display_name(b)}", 36)
        for a, b in pairs[["a", "b"]].to_numpy()
    ]
    pairs = in_shown_unit(pairs, ["estimate", "ci_low", "ci_high", "margin"]).assign(name=names)
    lines = 1 + pairs["name"].str.count("\n").max()
    height = _LINE_INCHES * (lines + 1) * pairs.groupby("problem").size().max() + 0.8
    figure, (axes,) = panels(problems, height=height, columns=2, width=3.5)
    for ax, problem in zip(axes, problems, strict=True):
        _draw_problem(ax, pairs[pairs["problem"] == problem])
    add_legend(figure, [], _note(pairs))
    return figure


def _draw_problem(ax: Axes, pairs: pd.DataFrame) -> None:
    ax.axvline(0, color="#999999", lw=0.8, zorder=1)
    margin = float(pairs["margin"].iloc[0])
    if not np.isnan(margin):
        ax.axvspan(-margin, margin, color="#eeeeee", zorder=0)
    numbers = pairs[["estimate", "ci_low", "ci_high", "p_holm"]].to_numpy(float)
    positions = range(len(pairs))[::-1]
    marks = zip(pairs["better"], pairs["equal"], strict=True)
    for y, (better, equal), row in zip(positions, marks, numbers, strict=True):
        estimate, low, high, p = (float(number) for number in row)
        ax.plot([low, high], [y] * 2, color=_COLOR, lw=1.2)
        fill = _COLOR if better else "white"
        ax.plot(estimate, y, "s" if equal else "o", color=_COLOR, mfc=fill, ms=4.5)
        ax.text(
            1.01, y, f"p {_p_value(p)}", fontsize=6.5, va="center",
            transform=ax.get_yaxis_transform(),
        )  # fmt: skip
    ax.set_yticks(positions, list(pairs["name"]))
    ax.set_ylim(-0.7, len(pairs) - 0.3)
    ax.grid(False, axis="y")
    metric, loss = pairs[["metric", "loss_name"]].iloc[0]
    side = "right" if higher_is_better(metric) else "left"
    label = metric_label(metric, loss, difference=True)
    ax.set_xlabel(f"difference in {label}\n({side}: the first is better)")


def _note(pairs: pd.DataFrame) -> str:
    low, high = pairs["n"].min(), pairs["n"].max()
    seeds = f"{low}" if low == high else f"{low} to {high}"
    diverged = pairs.groupby(["problem", "a"])["diverged_a"].first()
    return (
        f"95 % intervals of differences over {seeds} seeds; p corrected for all pairs. Filled: "
        "p below 0.05, also after a correction for selection bias."
        + (" Shaded: the margin; square: equal within it." if pairs["margin"].notna().any() else "")
        + diverged_note(int(diverged.sum()))
    )


def _p_value(p: float) -> str:
    return "–" if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
