"""Final metrics of every seed, with mean and interval, by optimizer.

A dot is one seed of an optimizer's best setting, chosen on validation. The bar is the 95 % t
interval of the mean, the tick in it the mean. Optimizers are in the order of their means, the best
above.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats as distributions

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
from adamcmp.stats import chosen

_ROW_INCHES = 0.27


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    metric: str | None = None,
    hue: str = HUE,
    facet: str = FACET,
) -> pd.DataFrame:
    """Return the seeds of chosen settings: ``problem optimizer loss_name metric seed value``.

    ``diverged`` in every row is the number of seeds that are not among them.

    Args:
        runs: As `adamcmp.stats.labelled` returns them.
        metrics: Not used.
        metric: A final metric; None takes the test error and the gap, for regression of the loss.
        hue: What lines are told apart by.
        facet: What panels are told apart by.
    """
    best = chosen(as_asked(runs, hue, facet))
    found = []
    for _, group in best[best["status"] == "done"].groupby("problem", sort=False):
        names = (
            [metric_or(metric, group)]
            if metric
            else [metric_or(None, group, s) for s in ("test", "gap")]
        )
        columns = ["problem", "optimizer", "loss", "seed"]
        long = group.melt(id_vars=columns, value_vars=names, var_name="metric")
        found.append(long.rename(columns={"loss": "loss_name"}))
    seeds = pd.concat(found).dropna(subset="value") if found else pd.DataFrame()
    if seeds.empty:
        raise NothingToDraw("No run of a chosen setting ended with this metric.")
    diverged = int((best["status"] == "diverged").sum())
    return seeds.assign(diverged=diverged).reset_index(drop=True)


@styled
def draw(seeds: pd.DataFrame) -> Figure:
    """Draw a panel for each problem and metric, a line for each optimizer."""
    problems = ordered(seeds["problem"])
    places = seeds.drop_duplicates(["problem", "metric"]).groupby("problem").cumcount()
    height = _ROW_INCHES * max(seeds.groupby("problem")["optimizer"].nunique()) + 0.6
    figure, axes = panels(problems, int(places.max()) + 1, height)
    for problem, column in zip(problems, zip(*axes, strict=True), strict=True):
        here = seeds[seeds["problem"] == problem]
        names = list(here["metric"].unique())
        order = here[here["metric"] == names[0]].groupby("optimizer")["value"].mean()
        order = list(order.sort_values(ascending=False).index)
        for axis, name in zip(column, names, strict=False):
            _draw_metric(axis, here[here["metric"] == name], order)
    counts = seeds.groupby(["problem", "metric", "optimizer"]).size()
    note = f"A dot a seed. {bands_note(counts)}; setting chosen on validation."
    legend(figure, [], note + left_out(seeds["diverged"].iloc[0]))
    return figure


def _draw_metric(axis: Axes, seeds: pd.DataFrame, order: list[str]) -> None:
    colors = looks(seeds["optimizer"])
    for place, name in enumerate(order):
        values = seeds.loc[seeds["optimizer"] == name, "value"].to_numpy(dtype=float)
        color, marker = colors[name]
        spread = 0.16 * np.resize([0, 1, -1, 0.5, -0.5], len(values))  # the same at each drawing
        dots = axis.scatter(
            values, place + spread, s=14, color=color, marker=marker, alpha=0.7, lw=0,
            rasterized=len(values) > 500,
        )  # fmt: skip
        belongs(dots, name)
        mean, n = values.mean(), len(values)
        if n >= ENOUGH:
            (tick,) = axis.plot(mean, place, "|", color="black", ms=11, mew=1.2, zorder=4)
            belongs(tick, name)
            half = distributions.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)
            (bar,) = axis.plot([mean - half, mean + half], [place] * 2, color="black", lw=1.2)
            belongs(bar, name)
    axis.set_yticks(range(len(order)), [plain(name, 24) for name in order])
    axis.set_ylim(-0.6, len(order) - 0.4)
    axis.grid(False, axis="y")
    axis.set_xlabel(metric_label(seeds["metric"].iloc[0], seeds["loss_name"].iloc[0]))
