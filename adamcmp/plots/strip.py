"""Final metrics of every seed, with mean and interval, by optimizer.

A dot is one seed of an optimizer's best setting, chosen on validation; where the setting has seeds
that did not choose it, those alone. The bar is the 95 % interval of their mean (Student's t, from
five seeds on corrected for skewness), the tick in it the mean. Optimizers are in the order of their
means, the best above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamcmp.analysis import chosen, higher_is_better
from adamcmp.analysis.estimates import mean
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import FACET, HUE, as_asked, metric_or
from adamcmp.plots._style import (
    ENOUGH,
    bands_note,
    belongs,
    left_out,
    legend,
    looks,
    metric_label,
    ordered,
    panels,
    plain,
    styled,
)

_ROW_INCHES = 0.27


@dataclass(frozen=True)
class Strip:
    """What is drawn.

    Attributes:
        seeds: ``problem optimizer loss_name metric seed value``.
        means: ``problem metric optimizer estimate ci_low ci_high n``.
        diverged: Number of chosen runs that are not among the seeds.
    """

    seeds: pd.DataFrame
    means: pd.DataFrame
    diverged: int


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    metric: str | None = None,
    hue: str = HUE,
    facet: str = FACET,
) -> Strip:
    """Return the seeds of chosen settings and their means.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Not used.
        metric: A final metric; None takes the test error and the gap, for regression of the loss.
        hue: What lines are told apart by.
        facet: What panels are told apart by.
    """
    best = chosen(as_asked(runs, hue, facet))
    found = []
    for _, group in best.groupby("problem", sort=False):
        names = dict.fromkeys(metric_or(metric, group, split) for split in ("test", "gap"))
        about = ["problem", "optimizer", "loss", "seed"]
        found.append(group.melt(about, [*names], "metric").dropna(subset="value"))
    if all(seeds.empty for seeds in found):
        raise NothingToDraw("No run of a chosen setting ended with this metric.")
    seeds = pd.concat(found, ignore_index=True).rename(columns={"loss": "loss_name"})
    keys = ["problem", "metric", "optimizer"]
    means = [
        (*key, *mean(values.to_numpy(float))[:3], len(values))
        for key, values in seeds.groupby(keys, sort=False)["value"]
    ]
    table = pd.DataFrame(means, columns=[*keys, "estimate", "ci_low", "ci_high", "n"])
    return Strip(seeds, table, int((best["status"] == "diverged").sum()))


@styled
def draw(shown: Strip) -> Figure:
    """Draw a panel for each problem and metric, a line for each optimizer."""
    seeds, means = shown.seeds, shown.means
    problems = ordered(seeds["problem"])
    rows = int(seeds.groupby("problem")["metric"].nunique().max())
    height = _ROW_INCHES * max(seeds.groupby("problem")["optimizer"].nunique()) + 0.6
    figure, axes = panels(problems, rows, height)
    for problem, column in zip(problems, zip(*axes, strict=True), strict=True):
        here = means[means["problem"] == problem]
        names = list(here["metric"].unique())
        order = _order(here[here["metric"] == names[0]])
        for axis, name in zip(column, names, strict=True):
            dots = seeds[(seeds["problem"] == problem) & (seeds["metric"] == name)]
            _draw_metric(axis, dots, here[here["metric"] == name].set_index("optimizer"), order)
    note = f"A dot a seed. {bands_note(means['n'])}; setting chosen on validation."
    legend(figure, [], note + left_out(shown.diverged))
    return figure


def _order(means: pd.DataFrame) -> list[str]:
    """Return the optimizers, the best last: it is drawn above the others."""
    up = higher_is_better(means["metric"].iloc[0])
    return list(means.sort_values("estimate", ascending=up, kind="stable")["optimizer"])


def _draw_metric(axis: Axes, seeds: pd.DataFrame, means: pd.DataFrame, order: list[str]) -> None:
    colors = looks(order)
    for place, name in enumerate(order):
        values = seeds.loc[seeds["optimizer"] == name, "value"].to_numpy(dtype=float)
        color, marker = colors[name]
        spread = 0.16 * np.resize([0, 1, -1, 0.5, -0.5], len(values))  # the same at each drawing
        dots = axis.scatter(
            values, place + spread, s=14, color=color, marker=marker, alpha=0.7, lw=0,
            rasterized=len(values) > 500,
        )  # fmt: skip
        belongs(dots, name)
        if len(values) >= ENOUGH:
            found = means.loc[name, ["estimate", "ci_low", "ci_high"]].to_numpy(float)
            center, low, high = (float(value) for value in found)
            (tick,) = axis.plot(center, place, "|", color="black", ms=11, mew=1.2, zorder=4)
            (bar,) = axis.plot([low, high], [place] * 2, color="black", lw=1.2)
            belongs(tick, name)
            belongs(bar, name)
    axis.set_yticks(range(len(order)), [plain(name, 24) for name in order])
    axis.set_ylim(-0.6, len(order) - 0.4)
    axis.grid(False, axis="y")
    axis.set_xlabel(metric_label(seeds["metric"].iloc[0], seeds["loss_name"].iloc[0]))
