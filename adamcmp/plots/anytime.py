"""Anytime performance: the test error if training had stopped at each evaluation.

Thick lines are the test error (regression: loss) at the evaluation that was best on validation so
far; thin dotted lines are the test error at each evaluation. Lines are means over the seeds of the
best setting, selected on validation at the end of the run; bands are the 95 % intervals of the
thick lines (Student's t). Dots mark the ends of a
schedule's cycles, where the learning rate rises again. Optimizers with several schedules have a
line for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.analysis import RunTable
from adamcmp.analysis.ordering import ordered
from adamcmp.components.schedules import Horizon
from adamcmp.components.schedules.cosine_restarts import CosineRestarts
from adamcmp.errors import NothingToDraw
from adamcmp.plots._mean_curves import mean_curves
from adamcmp.plots._options import metric_or_default
from adamcmp.plots.drawing.curves import draw_curves, set_y_limits
from adamcmp.plots.drawing.labels import (
    X_LABELS,
    diverged_note,
    in_shown_unit,
    interval_note,
    metric_label,
)
from adamcmp.plots.drawing.legends import add_legend, optimizer_handles
from adamcmp.plots.drawing.muting import is_muted
from adamcmp.plots.drawing.panels import panels
from adamcmp.plots.drawing.styles import GREY, optimizer_styles, tag_optimizer

#: The default of the option hue.
HUE = "optimizer,schedule"


@dataclass(frozen=True)
class Anytime:
    """The data of the plot.

    Attributes:
        curves: As `mean_curves` returns them. ``metric`` is ``"now"``, the value at each
            evaluation, or ``"best"``, the value at the best evaluation so far; ``metric_name`` is
            the metric whose values both are.
        restarts: ``problem optimizer step``: the ends of the schedule's cycles.
    """

    curves: pd.DataFrame
    restarts: pd.DataFrame


def data(table: RunTable, *, metric: str | None = None, x: str = "step") -> Anytime:
    """Return both curves of each optimizer's selected setting, and its restarts.

    Args:
        table: The runs.
        metric: A metric of evaluations; None takes the test error, for regression the test loss.
        x: ``"epoch"``, ``"step"``, ``"examples"`` or ``"wall_time_s"``.
    """
    selected = table.selected()
    curves = []
    for problem, of_problem in table.by_problem():
        name = metric_or_default(metric, of_problem.runs)
        if name not in table.metrics:
            raise NothingToDraw(f"{name} was not measured along the run.")
        runs = selected[selected["problem"] == problem]
        evaluations = table.metrics[table.metrics["run_id"].isin(runs["run_id"])]
        validation = metric_or_default(None, of_problem.runs, "val")
        both = _now_and_best(evaluations, name, validation)
        curves.append(mean_curves(runs, both, ["best", "now"], x).assign(metric_name=name))
    return Anytime(pd.concat(curves, ignore_index=True), _restarts(selected))


def _now_and_best(evaluations: pd.DataFrame, metric: str, validation: str) -> pd.DataFrame:
    """Return evaluations with the metric ``now``, and at the ``best`` validation value so far."""
    evaluations = evaluations.sort_values(["run_id", "step"], kind="stable", ignore_index=True)
    evaluations["now"] = evaluations[metric]
    if validation not in evaluations or evaluations[validation].isna().all():
        return evaluations  # "best" is not defined without a validation split
    score, run = evaluations[validation].fillna(np.inf), evaluations["run_id"]
    best_before = score.groupby(run).cummin().groupby(run).shift(fill_value=np.inf)
    evaluations["best"] = evaluations[metric].where(score < best_before)
    evaluations["best"] = evaluations.groupby("run_id")["best"].ffill()
    return evaluations


def _restarts(selected: pd.DataFrame) -> pd.DataFrame:
    """Return the steps at which the schedules of selected settings restart."""
    rows = []
    for (problem, optimizer), runs in selected.groupby(["problem", "optimizer"], sort=False):
        run = runs.iloc[0]
        if run["schedule"] != "cosine_restarts" or pd.isna(run["schedule.T_0"]):
            continue  # another schedule, or imported runs, whose schedule has other settings
        schedule = CosineRestarts(
            name="cosine_restarts",
            T_0=float(run["schedule.T_0"]),
            T_mult=int(run["schedule.T_mult"]),
        )
        warmup = round((run.get("schedule.warmup") or 0.0) * run["steps"])
        epoch = run["train_examples"] / run["batch_size"]
        ends = schedule.cycle_ends(Horizon(int(run["steps"] - warmup), epoch)) * epoch + warmup
        rows += [{"problem": problem, "optimizer": optimizer, "step": end} for end in ends]
    return pd.DataFrame(rows, columns=["problem", "optimizer", "step"])


def draw(anytime: Anytime) -> Figure:
    """Draw a panel for each problem."""
    curves, restarts = in_shown_unit(anytime.curves, metric="metric_name"), anytime.restarts
    problems = ordered(curves["problem"])
    figure, (axes,) = panels(problems, height=2.4)
    for ax, problem in zip(axes, problems, strict=True):
        rows = curves[curves["problem"] == problem]
        draw_curves(ax, rows[rows["metric"] == "best"])
        _draw_now(ax, rows, restarts[restarts["problem"] == problem])
        name, loss, x_name = rows[["metric_name", "loss_name", "x_name"]].iloc[0]
        # The first evaluation is at chance level, far from all others.
        trained = rows[rows["step"] > rows["step"].min()]
        set_y_limits(ax, trained, log=not name.endswith("error"))
        ax.set_ylabel(metric_label(name, loss))
        ax.set_xlabel(X_LABELS[x_name])
    add_legend(figure, _handles(anytime), _note(curves))
    return figure


def _draw_now(ax: Axes, curves: pd.DataFrame, restarts: pd.DataFrame) -> None:
    """Draw the values at each evaluation as thin lines, with a dot at each restart."""
    for name, (color, _) in optimizer_styles(curves["optimizer"]).items():
        if is_muted(name):
            continue
        curve = curves[(curves["optimizer"] == name) & (curves["metric"] == "now")]
        steps, x, y = (curve[c].to_numpy(dtype=float) for c in ("step", "x", "estimate"))
        (line,) = ax.plot(x, y, ":", color=color, lw=0.8)
        tag_optimizer(line, name)
        ends = restarts.loc[restarts["optimizer"] == name, "step"].to_numpy(dtype=float)
        # After the last evaluation there is no value to mark; 1e-9 allows for rounding.
        ends = ends[ends <= steps[-1] * (1 + 1e-9)]
        (dots,) = ax.plot(
            np.interp(ends, steps, x), np.interp(ends, steps, y), "o", color=color,
            mfc="white", ms=4.5, zorder=5,
        )  # fmt: skip
        tag_optimizer(dots, name)


def _handles(anytime: Anytime) -> list[Line2D]:
    handles = [*optimizer_handles(anytime.curves["optimizer"])]
    handles += [Line2D([], [], color=GREY, lw=0.8, ls=":", label="at each evaluation")]
    if len(anytime.restarts):
        dot = Line2D([], [], marker="o", mfc="white", mec=GREY, ms=5, ls="")
        dot.set_label("end of a cycle")
        handles += [dot]
    return handles


def _note(curves: pd.DataFrame) -> str:
    note = (
        "Thick: at the best evaluation so far, on validation. "
        if (curves["metric"] == "best").any()
        else ""
    )
    note += interval_note(curves["n"]) + "; setting selected on validation at the end."
    return note + diverged_note(curves["diverged"].max())
