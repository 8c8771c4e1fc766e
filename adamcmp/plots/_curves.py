"""What learning curves and gap curves share: means and spreads along the run."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from adamcmp.plots._style import problem_of
from adamcmp.stats import chosen


def along(runs: pd.DataFrame, metrics: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return mean and standard deviation over seeds of `columns` at each evaluation.

    Of each optimizer on each problem the setting chosen on validation is taken; runs that
    diverged are not averaged.

    Returns:
        Rows with ``problem optimizer loss_name metric epoch mean sd n``.
    """
    best = chosen(runs)
    best = best[best["status"] == "done"].assign(problem=problem_of)
    about = best[["run_id", "problem", "optimizer", "loss"]].rename(columns={"loss": "loss_name"})
    long = metrics.merge(about, on="run_id").melt(
        id_vars=["problem", "optimizer", "loss_name", "epoch"],
        value_vars=[c for c in columns if c in metrics],
        var_name="metric",
    )
    keys = ["problem", "optimizer", "loss_name", "metric", "epoch"]
    tidy = long.dropna(subset="value").groupby(keys, sort=False)["value"]
    return tidy.agg(mean="mean", sd="std", n="count").reset_index()


def draw_band(axis: Axes, curve: pd.DataFrame, color: str, style: str) -> None:
    """Draw one mean curve with its band."""
    axis.plot(curve["epoch"], curve["mean"], style, color=color, lw=1.4)
    low, high = curve["mean"] - curve["sd"], curve["mean"] + curve["sd"]
    axis.fill_between(curve["epoch"], low, high, color=color, alpha=0.15, lw=0)
