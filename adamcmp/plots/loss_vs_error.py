"""Final training loss against test error: which optimizer generalizes better at equal loss?

Each mark is one completed run, of any setting. Filled marks are the setting selected on
validation; the cross is their mean with its 95 % interval in both directions. Of two optimizers at
the same training loss, the lower one generalizes better.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from adamcmp.analysis import RunTable
from adamcmp.analysis.estimates import mean
from adamcmp.analysis.ordering import ordered
from adamcmp.errors import NothingToDraw
from adamcmp.plots._options import metric_or_default
from adamcmp.plots.drawing.labels import MIN_SEEDS, diverged_note, in_shown_unit, metric_label
from adamcmp.plots.drawing.legends import add_legend, optimizer_handles
from adamcmp.plots.drawing.muting import is_muted, layer
from adamcmp.plots.drawing.panels import panels
from adamcmp.plots.drawing.styles import (
    OptimizerStyle,
    optimizer_styles,
    tag_optimizer,
)

#: More marks are rasterized in SVG and PDF, to keep the files small.
_MOST_VECTOR_MARKS = 1500


def data(table: RunTable, *, x: str = "train_loss", y: str | None = None) -> pd.DataFrame:
    """Return every completed run.

    Args:
        table: The runs.
        x: A final metric.
        y: A final metric; None takes the test error, for regression the test loss.

    Returns:
        ``problem optimizer loss_name x y x_name y_name``; ``selected``, whether the run has the
        selected setting; ``diverged``, in every row the number of runs that diverged.
    """
    completed = table.runs[table.runs["status"] == "done"]
    selected = set(table.selected()["run_id"])
    points = [pd.DataFrame(columns=["x", "y"])]
    for _, runs in completed.groupby("problem", sort=False):
        x_name, y_name = metric_or_default(x, runs), metric_or_default(y, runs)
        labels = runs[["problem", "optimizer"]].assign(loss_name=runs["loss"])
        values = labels.assign(x=runs[x_name], y=runs[y_name], x_name=x_name, y_name=y_name)
        points.append(values.assign(selected=runs["run_id"].isin(selected)))
    both = pd.concat(points[1:] or points).dropna(subset=["x", "y"])
    if both.empty:
        raise NothingToDraw("No completed run has both metrics.")
    diverged = int((table.runs["status"] == "diverged").sum())
    return both.assign(diverged=diverged).reset_index(drop=True)


def draw(points: pd.DataFrame) -> Figure:
    """Draw a mark for each run; those of the selected setting are filled, with a cross."""
    for axis in ("x", "y"):
        points = in_shown_unit(points, [axis], metric=f"{axis}_name")
    problems = ordered(points["problem"])
    figure, (axes,) = panels(problems, height=2.4)
    styles = optimizer_styles(points["optimizer"])
    rasterized = len(points) > _MOST_VECTOR_MARKS
    for ax, problem in zip(axes, problems, strict=True):
        of_problem = points[points["problem"] == problem]
        for name, runs in of_problem.groupby("optimizer", sort=False):
            _draw_optimizer(ax, runs, str(name), styles[str(name)], rasterized)
        loss, x_name, y_name = of_problem[["loss_name", "x_name", "y_name"]].iloc[0]
        ax.set_xlabel(f"final {metric_label(x_name, loss)}")
        ax.set_ylabel(f"final {metric_label(y_name, loss)}")
        if of_problem["x"].min() > 0 and of_problem["x"].max() > 30 * of_problem["x"].min():
            ax.set_xscale("log")  # otherwise runs that fit the data are indistinguishable near 0
            ax.xaxis.set_minor_formatter(NullFormatter())
    add_legend(figure, [*optimizer_handles(points["optimizer"], lw=0)], _note(points))
    return figure


def _draw_optimizer(
    ax: Axes, runs: pd.DataFrame, name: str, style: OptimizerStyle, rasterized: bool
) -> None:
    color, marker = style
    others, selected = runs[~runs["selected"]], runs[runs["selected"]]
    for marks, size, fill in ((others, 10, "none"), (selected, 16, color)):
        drawn = ax.scatter(
            marks["x"], marks["y"], s=size, marker=marker, alpha=0.6, lw=0.7,
            facecolors=fill, edgecolors=color, rasterized=rasterized, zorder=layer(name) - 1,
        )  # fmt: skip
        tag_optimizer(drawn, name)
    if len(selected) < MIN_SEEDS or is_muted(name):
        return
    (x, left, right), (y, low, high) = (mean(selected[c].to_numpy(float))[:3] for c in ("x", "y"))
    for xs, ys in (([left, right], [y, y]), ([x, x], [low, high])):
        # A white outline makes the cross visible on top of the marks.
        for line_color, width in (("white", 2), (color, 1.2)):
            (bar,) = ax.plot(xs, ys, color=line_color, lw=width, zorder=4)
            tag_optimizer(bar, name)


def _note(points: pd.DataFrame) -> str:
    note = "One mark per run; filled: the setting selected on validation."
    seeds = points[points["selected"]].groupby(["problem", "optimizer"]).size()
    if seeds.max() >= MIN_SEEDS:
        note += " Cross: its mean with 95 % intervals over seeds."
    return note + diverged_note(points["diverged"].iloc[0])
