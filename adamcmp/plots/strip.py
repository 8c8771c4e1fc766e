"""Final metrics of every seed, with mean and interval, by optimizer.

Each dot is one seed of an optimizer's best setting, selected on validation. If that setting has
seeds that were not used to select it, only those are shown. Bars are the 95 % intervals of the
means (Student's t), ticks the means. Optimizers are
sorted by their means, the best at the top.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamcmp.analysis import RunTable, higher_is_better
from adamcmp.analysis.estimates import mean
from adamcmp.analysis.ordering import ordered
from adamcmp.analysis.wording import display_name
from adamcmp.errors import NothingToDraw
from adamcmp.plots._options import metric_or_default
from adamcmp.plots.drawing.labels import (
    MIN_SEEDS,
    display_text,
    diverged_note,
    in_shown_unit,
    interval_note,
    metric_label,
)
from adamcmp.plots.drawing.legends import add_legend
from adamcmp.plots.drawing.panels import panels
from adamcmp.plots.drawing.styles import optimizer_styles, tag_optimizer

_ROW_INCHES = 0.27
_MEAN_KEYS = ["problem", "metric", "optimizer"]


@dataclass(frozen=True)
class Strip:
    """The data of the plot.

    Attributes:
        seeds: ``problem optimizer loss_name metric seed value``.
        means: ``problem metric optimizer estimate ci_low ci_high n``.
        diverged: Number of runs of selected settings that diverged.
    """

    seeds: pd.DataFrame
    means: pd.DataFrame
    diverged: int


def data(table: RunTable, *, metric: str | None = None) -> Strip:
    """Return each seed of the selected settings, and their means.

    Args:
        table: The runs.
        metric: A final metric; None takes the test error and the gap, for regression of the loss.
    """
    selected = table.selected()
    values = []
    for _, runs in selected.groupby("problem", sort=False):
        names = dict.fromkeys(metric_or_default(metric, runs, split) for split in (None, "gap"))
        keys = ["problem", "optimizer", "loss", "seed"]
        values.append(runs.melt(keys, [*names], "metric").dropna(subset="value"))
    if all(rows.empty for rows in values):
        raise NothingToDraw("No run of a selected setting has this metric.")
    seeds = pd.concat(values, ignore_index=True).rename(columns={"loss": "loss_name"})
    diverged = int((selected["status"] == "diverged").sum())
    return Strip(seeds, _means(seeds), diverged)


def _means(seeds: pd.DataFrame) -> pd.DataFrame:
    means = [
        (*key, *mean(values.to_numpy(float))[:3], len(values))
        for key, values in seeds.groupby(_MEAN_KEYS, sort=False)["value"]
    ]
    return pd.DataFrame(means, columns=[*_MEAN_KEYS, "estimate", "ci_low", "ci_high", "n"])


def draw(strip: Strip) -> Figure:
    """Draw a panel for each problem and metric, a line for each optimizer."""
    seeds, means = in_shown_unit(strip.seeds, ["value"]), in_shown_unit(strip.means)
    problems, by_problem = ordered(seeds["problem"]), seeds.groupby("problem")
    height = _ROW_INCHES * max(by_problem["optimizer"].nunique()) + 0.6
    figure, axes = panels(problems, int(by_problem["metric"].nunique().max()), height)
    for problem, column in zip(problems, zip(*axes, strict=True), strict=True):
        of_problem = means[means["problem"] == problem]
        metrics = list(of_problem["metric"].unique())
        order = _worst_first(of_problem[of_problem["metric"] == metrics[0]])
        for ax in column[len(metrics) :]:  # a problem may lack a metric that another one has
            ax.set_visible(False)
        for ax, metric in zip(column, metrics, strict=False):
            dots = seeds[(seeds["problem"] == problem) & (seeds["metric"] == metric)]
            bars = of_problem[of_problem["metric"] == metric].set_index("optimizer")
            _draw_metric(ax, dots, bars, order)
    note = f"One dot per seed. {interval_note(means['n'])}; setting selected on validation."
    add_legend(figure, [], note + diverged_note(strip.diverged))
    return figure


def _worst_first(means: pd.DataFrame) -> list[str]:
    """Return the optimizers by their mean, the best last: the last line is drawn at the top."""
    ascending = higher_is_better(means["metric"].iloc[0])
    return list(means.sort_values("estimate", ascending=ascending, kind="stable")["optimizer"])


def _draw_metric(ax: Axes, seeds: pd.DataFrame, means: pd.DataFrame, order: list[str]) -> None:
    styles = optimizer_styles(order)
    for y, name in enumerate(order):
        values = seeds.loc[seeds["optimizer"] == name, "value"].to_numpy(dtype=float)
        color, marker = styles[name]
        # Dots are spread by a fixed pattern: random jitter would change the file each time.
        jitter = 0.16 * np.resize([0, 1, -1, 0.5, -0.5], len(values))
        dots = ax.scatter(
            values, y + jitter, s=14, color=color, marker=marker, alpha=0.7, lw=0,
            rasterized=len(values) > 500,
        )  # fmt: skip
        tag_optimizer(dots, name)
        if len(values) >= MIN_SEEDS:
            row = means.loc[name, ["estimate", "ci_low", "ci_high"]].to_numpy(float)
            center, low, high = (float(value) for value in row)
            (tick,) = ax.plot(center, y, "|", color="black", ms=11, mew=1.2, zorder=4)
            (bar,) = ax.plot([low, high], [y] * 2, color="black", lw=1.2)
            tag_optimizer(tick, name)
            tag_optimizer(bar, name)
    ax.set_yticks(range(len(order)), [display_text(display_name(name), 24) for name in order])
    ax.set_ylim(-0.6, len(order) - 0.4)
    ax.grid(False, axis="y")
    ax.set_xlabel(metric_label(seeds["metric"].iloc[0], seeds["loss_name"].iloc[0]))
