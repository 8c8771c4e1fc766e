"""What curves share: means and intervals over seeds at each evaluation along the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from adamcmp.analysis import chosen
from adamcmp.analysis.intervals import averaged
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import one_of
from adamcmp.plots._style import ENOUGH, belongs, looks, metric_label, panels_by

#: What may lie along the run, and what its axis is called.
ALONG = {
    "epoch": "epochs",
    "step": "steps",
    "examples": "training examples",
    "wall_time_s": "seconds (a run's share)",
}
_KEYS = ["problem", "optimizer", "loss_name", "metric", "step"]


def along(
    runs: pd.DataFrame, metrics: pd.DataFrame, columns: Sequence[str], x: str = "epoch"
) -> pd.DataFrame:
    """Return mean and 95 % interval over seeds of `columns` at each evaluation.

    Of each optimizer on each problem the setting chosen on validation is taken; runs that
    diverged are not averaged.

    Returns:
        Rows with ``problem optimizer loss_name metric step x_name x estimate ci_low ci_high n``,
        and in every row ``diverged``, the number of chosen runs that are not in them.

    Raises:
        ConfigError: When `x` is not one of `ALONG`.
        NothingToDraw: When there are no such curves.
    """
    one_of("x", x, tuple(ALONG))
    best = chosen(runs)
    diverged = int((best["status"] == "diverged").sum())
    best = best[best["status"] == "done"]
    curves = curves_of(best, metrics)
    about = list(dict.fromkeys(["problem", "optimizer", "loss_name", "step", x]))
    found = [c for c in columns if c in curves and curves[c].notna().any()]
    if curves.empty or not found:
        raise NothingToDraw("No run that ended has a curve of this.")
    long = curves.melt(id_vars=about, value_vars=found, var_name="metric").dropna(subset="value")
    where = long.assign(x=long[x].astype(float)).groupby(_KEYS)["x"].mean()
    tidy = averaged(long, _KEYS).join(where, on=_KEYS)
    tidy = tidy.sort_values("step", kind="stable", ignore_index=True)
    if tidy.groupby(_KEYS[:-1]).size().max() < 2:
        raise NothingToDraw("Runs were evaluated once only: there are no curves.")
    return tidy.assign(x_name=x, diverged=diverged)


def curves_of(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `metrics` of these runs, with their problem, optimizer and loss."""
    about = runs[["run_id", "problem", "optimizer", "loss"]].rename(columns={"loss": "loss_name"})
    mine = metrics[metrics["run_id"].isin(about["run_id"])]
    return about.merge(mine, on="run_id")  # in the order of runs


def draw_panels(curves: pd.DataFrame, styles: Mapping[str, str]) -> tuple[Figure, list[Axes]]:
    """Draw mean curves with their bands: a column for each problem, a row for each measure.

    Args:
        curves: As `along` returns them, of metrics such as ``"test_loss"``.
        styles: Line style of each split, the first word of a metric's name.

    Returns:
        The figure and the panels that are in use.
    """
    split, measure = (curves["metric"].str.split("_").str[i] for i in (0, 1))
    curves = curves.assign(split=split, measure=measure)
    figure, found = panels_by(curves, "measure", ("loss", "error", "accuracy"))
    for axis, name, here in found:
        for name_of, style in styles.items():
            draw_lines(axis, here[here["split"] == name_of], style)
        fit(axis, here, log=name == "loss" and "gap" not in styles)
        label = f"gap_{name}" if "gap" in styles else name
        axis.set_ylabel(metric_label(label, here["loss_name"].iloc[0]))
        axis.set_xlabel(ALONG[here["x_name"].iloc[0]])
    return figure, [axis for axis, _, _ in found]


def draw_lines(
    axis: Axes, curves: pd.DataFrame, style: str = "-", every: int | None = None
) -> None:
    """Draw each optimizer's mean curve of one metric, and its band.

    Args:
        axis: Where.
        curves: Columns ``optimizer x estimate ci_low ci_high n``.
        style: Of the lines.
        every: Evaluations from one marker to the next; None has a few along each line.
    """
    colors = looks(curves["optimizer"])
    for i, (name, (color, marker)) in enumerate(colors.items()):
        curve = curves[curves["optimizer"] == name]
        (line,) = axis.plot(
            curve["x"], curve["estimate"], style, color=color, marker=marker, ms=3,
            markevery=every or (0.05 + 0.2 * i / len(colors), 0.25),
        )  # fmt: skip
        wide = curve["n"] < ENOUGH
        band = axis.fill_between(
            curve["x"], curve["ci_low"], curve["ci_high"], ~wide, color=color, alpha=0.15, lw=0
        )
        belongs(line, name)
        belongs(band, name)


def fit(axis: Axes, curves: pd.DataFrame, log: bool = True) -> None:
    """Choose scale and limits by the means: a band over few seeds may leave the panel.

    Args:
        axis: Where.
        curves: What is drawn on it.
        log: Whether the scale may be one of powers, where values span more than a factor of 30.
    """
    low, high = curves["estimate"].min(), curves["estimate"].max()
    banded = curves[curves["n"] >= ENOUGH]
    lowest = min(low, banded["ci_low"].min()) if len(banded) else low
    highest = max(high, banded["ci_high"].max()) if len(banded) else high
    if log and low > 0 and high > 30 * low:
        axis.set_yscale("log")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.set_ylim(max(lowest, low / 2) / 1.1, min(highest, 2 * high) * 1.1)
        return
    room = 0.25 * (high - low) or 0.05 * abs(high) or 1.0
    spare = 0.2 * room
    axis.set_ylim(max(lowest, low - room) - spare, min(highest, high + room) + spare)
