"""Anytime performance: what stopping at each moment would give, restarts marked.

The thick line is the test error (regression: loss) at the evaluation that was the best on
validation so far, the thin dotted line that of the moment itself. Each is the mean over the seeds
of the best setting, chosen on validation at the end of the run; the band is the thick line's 95 %
interval (Student's t, from five seeds on corrected for skewness). Dots mark the ends of a
schedule's cycles, where it starts again with a large learning rate. Optimizers with several
schedules have a line for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.analysis import chosen
from adamcmp.components.schedules import Horizon
from adamcmp.components.schedules.cosine_restarts import CosineRestarts
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import FACET, as_asked, metric_or
from adamcmp.plots._curves import ALONG, along, draw_lines, fit
from adamcmp.plots._style import (
    bands_note,
    belongs,
    keys,
    left_out,
    legend,
    looks,
    metric_label,
    ordered,
    panels,
    styled,
)


@dataclass(frozen=True)
class Anytime:
    """What is drawn.

    Attributes:
        curves: As `adamcmp.plots._curves.along` returns them; ``metric`` is ``"now"`` or
            ``"best"``, and ``metric_name`` what both are of.
        restarts: ``problem optimizer step``: the ends of cycles.
    """

    curves: pd.DataFrame
    restarts: pd.DataFrame


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    metric: str | None = None,
    x: str = "step",
    hue: str = "optimizer,schedule",
    facet: str = FACET,
) -> Anytime:
    """Return both curves of each optimizer, and its restarts.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Their evaluations.
        metric: A metric of evaluations; None takes the test error, for regression the test loss.
        x: What lies along the run: ``epoch``, ``step``, ``examples`` or ``wall_time_s``.
        hue: What lines are told apart by.
        facet: What panels are told apart by.
    """
    runs = as_asked(runs, hue, facet)
    best = chosen(runs)
    found = []
    for _, group in runs.groupby("problem", sort=False):
        name = metric_or(metric, group)
        if name not in metrics:
            raise NothingToDraw(f"{name} was not measured along the run.")
        mine = metrics[metrics["run_id"].isin(best["run_id"])]
        both = _now_and_best(mine, name, metric_or(None, group, "val"))
        found.append(along(group, both, ["best", "now"], x).assign(metric_name=name))
    restarts = _restarts(best)
    return Anytime(pd.concat(found, ignore_index=True), restarts)


def _now_and_best(metrics: pd.DataFrame, name: str, judge: str) -> pd.DataFrame:
    """Return evaluations with ``now`` and ``best``: the metric where `judge` was least so far."""
    ordered = metrics.sort_values(["run_id", "step"], kind="stable", ignore_index=True)
    ordered["now"] = ordered[name]
    if judge not in ordered or ordered[judge].isna().all():
        return ordered  # without a validation split there is no best to take
    score = ordered[judge].fillna(np.inf)
    leads = score < score.groupby(ordered["run_id"]).cummin().groupby(ordered["run_id"]).shift(
        fill_value=np.inf
    )
    ordered["best"] = ordered[name].where(leads)
    ordered["best"] = ordered.groupby("run_id")["best"].ffill()
    return ordered


def _restarts(runs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (problem, optimizer), group in runs.groupby(["problem", "optimizer"], sort=False):
        first = group.iloc[0]
        if first["schedule"] != "cosine_restarts" or pd.isna(first["schedule.T_0"]):
            continue  # no restarts, or of another program, which has its own settings
        schedule = CosineRestarts(
            name="cosine_restarts",
            T_0=float(first["schedule.T_0"]),
            T_mult=int(first["schedule.T_mult"]),
        )
        rise = round((first.get("schedule.warmup") or 0.0) * first["steps"])
        epoch = first["train_examples"] / first["batch_size"]
        ends = schedule.ends(Horizon(int(first["steps"] - rise), epoch)) * epoch + rise
        rows += [{"problem": problem, "optimizer": optimizer, "step": end} for end in ends]
    return pd.DataFrame(rows, columns=["problem", "optimizer", "step"])


@styled
def draw(shown: Anytime) -> Figure:
    """Draw a panel for each problem."""
    curves = shown.curves
    problems = ordered(curves["problem"])
    figure, (axes,) = panels(problems, height=2.4)
    for axis, problem in zip(axes, problems, strict=True):
        here = curves[curves["problem"] == problem]
        best = here[here["metric"] == "best"]
        draw_lines(axis, best)
        _draw_now(axis, here, shown.restarts[shown.restarts["problem"] == problem])
        name, loss, x_name = here[["metric_name", "loss_name", "x_name"]].iloc[0]
        later = here[here["step"] > here["step"].min()]  # every run starts at chance
        fit(axis, later, log=not name.endswith("error"))
        axis.set_ylabel(metric_label(name, loss))
        axis.set_xlabel(ALONG[x_name])
    handles = [*keys(curves["optimizer"])]
    handles += [Line2D([], [], color="#555555", lw=0.8, ls=":", label="at the moment")]
    if len(shown.restarts):
        dot = Line2D([], [], marker="o", mfc="white", mec="#555555", ms=5, ls="")
        dot.set_label("end of a cycle")
        handles += [dot]
    note = "Thick: at the best validation so far. " if (curves["metric"] == "best").any() else ""
    note += bands_note(curves["n"]) + "; setting chosen on validation at the end."
    legend(figure, handles, note + left_out(curves["diverged"].max()))
    return figure


def _draw_now(axis: Axes, curves: pd.DataFrame, restarts: pd.DataFrame) -> None:
    """Draw the thin lines of the moment itself, with a dot at each end of a cycle."""
    for name, (color, _) in looks(curves["optimizer"]).items():
        curve = curves[(curves["optimizer"] == name) & (curves["metric"] == "now")]
        steps, x, y = (curve[c].to_numpy(dtype=float) for c in ("step", "x", "estimate"))
        (line,) = axis.plot(x, y, ":", color=color, lw=0.8)
        belongs(line, name)
        ends = restarts.loc[restarts["optimizer"] == name, "step"].to_numpy(dtype=float)
        ends = ends[ends <= steps[-1] * (1 + 1e-9)]
        (dots,) = axis.plot(
            np.interp(ends, steps, x), np.interp(ends, steps, y), "o", color=color,
            mfc="white", ms=4.5, zorder=5,
        )  # fmt: skip
        belongs(dots, name)
