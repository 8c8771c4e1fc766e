"""What learning curves and gap curves share: means and spreads along the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamcmp.plots._style import looks, measure_label, panels
from adamcmp.stats import chosen


def along(runs: pd.DataFrame, metrics: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return mean and standard deviation over seeds of `columns` at each evaluation.

    Of each optimizer on each problem the setting chosen on validation is taken; runs that
    diverged are not averaged.

    Returns:
        Rows with ``problem optimizer loss_name metric epoch mean sd n``, and in every row
        ``diverged``, the number of chosen runs that are not in them.
    """
    best = chosen(runs)
    diverged = int((best["status"] == "diverged").sum())
    best = best[best["status"] == "done"]
    about = best[["run_id", "problem", "optimizer", "loss"]].rename(columns={"loss": "loss_name"})
    long = metrics.merge(about, on="run_id").melt(
        id_vars=["problem", "optimizer", "loss_name", "epoch"],
        value_vars=[c for c in columns if c in metrics],
        var_name="metric",
    )
    keys = ["problem", "optimizer", "loss_name", "metric", "epoch"]
    tidy = long.dropna(subset="value").groupby(keys, sort=False)["value"]
    return tidy.agg(mean="mean", sd="std", n="count").reset_index().assign(diverged=diverged)


def draw_panels(
    curves: pd.DataFrame, styles: Mapping[str, str], prefix: str
) -> tuple[Figure, list[Axes]]:
    """Draw mean curves with their bands: a column for each problem, a row for each measure.

    Args:
        curves: As `along` returns them.
        styles: Line style of each split, the first word of a metric's name.
        prefix: What the axis labels begin with.

    Returns:
        The figure and the panels that are in use.
    """
    measures = [m for m in ("loss", "error") if curves["metric"].str.endswith(m).any()]
    problems = list(curves["problem"].unique())
    figure, axes = panels(problems, len(measures))
    colors = looks(curves["optimizer"])
    used: dict[tuple[str, str], Axes] = {}
    for (problem, optimizer, metric), curve in curves.groupby(
        ["problem", "optimizer", "metric"], sort=False
    ):
        split, measure = str(metric).split("_")
        axis = axes[measures.index(measure)][problems.index(str(problem))]
        color = colors[str(optimizer)][0]
        axis.plot(curve["epoch"], curve["mean"], styles[split], color=color, lw=1.4)
        low, high = curve["mean"] - curve["sd"], curve["mean"] + curve["sd"]
        axis.fill_between(curve["epoch"], low, high, color=color, alpha=0.15, lw=0)
        axis.set_ylabel(prefix + measure_label(measure, curve["loss_name"].iloc[0]))
        used[measure, str(problem)] = axis
    for row, measure in zip(axes, measures, strict=True):
        for axis, problem in zip(row, problems, strict=True):
            axis.set_visible((measure, problem) in used)  # regression has no error
            axis.set_xlabel("epochs")
    return figure, list(used.values())
