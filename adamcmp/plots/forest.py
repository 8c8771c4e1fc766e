"""Differences between all pairs of optimizers, with their intervals.

A line is the mean difference "first minus second" of the final metric, each at its best setting,
with its 95 % interval: Student's over the seeds that both share or, where they share one alone or
fewer than half the seeds of the one with fewer, Welch's over all seeds of each. It is filled where
one is better: p after Holm's correction for all pairs of the problem, and with an allowance for the
luck of choosing settings, is below 0.05.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamcmp.analysis import comparisons, higher_is_better
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import FACET, HUE, as_asked, metric_or
from adamcmp.plots._style import left_out, legend, metric_label, ordered, panels, plain, styled

_LINE_INCHES = 0.1
_COLOR = "#0072B2"


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    metric: str | None = None,
    hue: str = HUE,
    facet: str = FACET,
) -> pd.DataFrame:
    """Return `adamcmp.analysis.comparisons` of each pair, with ``loss_name``.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Not used.
        metric: A final metric; None takes the test error, for regression the test loss.
        hue: What is compared.
        facet: What panels are told apart by.
    """
    runs = as_asked(runs, hue, facet)
    if metric is not None:
        metric_or(metric, runs)
    order = {name: place for place, name in enumerate(ordered(runs["optimizer"]))}
    runs = runs.sort_values("optimizer", key=lambda names: names.map(order), kind="stable")
    table = comparisons(runs, metric).dropna(subset="estimate")
    if table.empty:
        raise NothingToDraw("There are no two optimizers with runs that ended on one problem.")
    if table["ci_low"].isna().all():
        raise NothingToDraw("With one seed each, differences have no interval.")
    losses = runs.groupby("problem")["loss"].first()
    return table.assign(loss_name=table["problem"].map(losses)).reset_index(drop=True)


@styled
def draw(pairs: pd.DataFrame) -> Figure:
    """Draw a panel for each problem, a line for each pair."""
    problems = ordered(pairs["problem"])
    pairs = pairs.assign(name=[plain(f"{a} − {b}", 36) for a, b in pairs[["a", "b"]].to_numpy()])
    lines = 1 + pairs["name"].str.count("\n").max()
    height = _LINE_INCHES * (lines + 1) * pairs.groupby("problem").size().max() + 0.8
    figure, (axes,) = panels(problems, height=height, across=2, width=3.5)
    for axis, problem in zip(axes, problems, strict=True):
        _draw_problem(axis, pairs[pairs["problem"] == problem])
    low, high = pairs["n"].min(), pairs["n"].max()
    seeds = f"{low}" if low == high else f"{low} to {high}"
    note = f"95 % intervals of differences over {seeds} seeds; p after Holm's correction. Filled: "
    note += "below 0.05, also with an allowance for luck in choosing settings."
    lost = pairs.groupby(["problem", "a"])["diverged_a"].first()
    legend(figure, [], note + left_out(int(lost.sum())))
    return figure


def _draw_problem(axis: Axes, pairs: pd.DataFrame) -> None:
    axis.axvline(0, color="#999999", lw=0.8, zorder=1)
    numbers = pairs[["estimate", "ci_low", "ci_high", "p_holm"]].to_numpy(float)
    places = range(len(pairs))[::-1]
    for place, better, row in zip(places, pairs["better"], numbers, strict=True):
        estimate, low, high, p = (float(number) for number in row)
        face = _COLOR if better else "white"
        axis.plot([low, high], [place] * 2, color=_COLOR, lw=1.2)
        axis.plot(estimate, place, "o", color=_COLOR, mfc=face, ms=4.5)
        axis.text(
            1.01, place, f"p {_short(p)}", fontsize=6.5, va="center",
            transform=axis.get_yaxis_transform(),
        )  # fmt: skip
    axis.set_yticks(places, list(pairs["name"]))
    axis.set_ylim(-0.7, len(pairs) - 0.3)
    axis.grid(False, axis="y")
    metric, loss = pairs[["metric", "loss_name"]].iloc[0]
    side = "right" if higher_is_better(metric) else "left"
    axis.set_xlabel(f"difference in {metric_label(metric, loss)}\n({side}: the first is better)")


def _short(p: float) -> str:
    return "–" if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
