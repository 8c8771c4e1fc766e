"""Final training loss against test error: who generalizes better at the same training loss?

One mark is one run that ended, of every setting. Filled marks are the setting chosen on
validation; the cross is their mean with its 95 % interval in both directions. Of two optimizers
at the same training loss the lower one generalizes better.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from adamcmp.analysis import chosen
from adamcmp.analysis.estimates import mean
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import FACET, HUE, as_asked, metric_or
from adamcmp.plots._style import (
    ENOUGH,
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

#: From so many marks on they are pixels, also in svg and pdf.
MANY = 1500


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    x: str = "train_loss",
    y: str | None = None,
    hue: str = HUE,
    facet: str = FACET,
) -> pd.DataFrame:
    """Return every run that ended: ``problem optimizer loss_name x y x_name y_name chosen``.

    ``diverged`` in every row is the number of runs that are not among them.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Not used.
        x: A final metric.
        y: Another; None takes the test error, for regression the test loss.
        hue: What marks are told apart by.
        facet: What panels are told apart by.
    """
    runs = as_asked(runs, hue, facet)
    done = runs[runs["status"] == "done"]
    best = set(chosen(runs)["run_id"])
    found = []
    for _, group in done.groupby("problem", sort=False):
        across, up = metric_or(x, group), metric_or(y, group)
        points = group[["problem", "optimizer"]].assign(
            loss_name=group["loss"], x=group[across], y=group[up], x_name=across, y_name=up
        )
        found.append(points.assign(chosen=group["run_id"].isin(best)))
    points = pd.concat(found).dropna(subset=["x", "y"]) if found else pd.DataFrame()
    if points.empty:
        raise NothingToDraw("No run that ended has both metrics.")
    diverged = int((runs["status"] == "diverged").sum())
    return points.assign(diverged=diverged).reset_index(drop=True)


@styled
def draw(points: pd.DataFrame) -> Figure:
    """Draw a mark for each run; the chosen setting's are filled, with a cross of intervals."""
    problems = ordered(points["problem"])
    figure, (axes,) = panels(problems, height=2.4)
    colors = looks(points["optimizer"])
    many = len(points) > MANY
    for axis, problem in zip(axes, problems, strict=True):
        here = points[points["problem"] == problem]
        for name, group in here.groupby("optimizer", sort=False):
            _draw_optimizer(axis, group, str(name), *colors[str(name)], many)
        loss, x_name, y_name = here[["loss_name", "x_name", "y_name"]].iloc[0]
        axis.set_xlabel(f"final {metric_label(x_name, loss)}")
        axis.set_ylabel(f"final {metric_label(y_name, loss)}")
        if here["x"].min() > 0 and here["x"].max() > 30 * here["x"].min():
            axis.set_xscale("log")  # runs that fit the data crowd at 0 otherwise
            axis.xaxis.set_minor_formatter(NullFormatter())
    note = "One mark a run; filled: the setting chosen on validation."
    if points[points["chosen"]].groupby(["problem", "optimizer"]).size().max() >= ENOUGH:
        note += " Cross: its mean with 95 % intervals over seeds."
    note += left_out(points["diverged"].iloc[0])
    legend(figure, [*keys(points["optimizer"], lw=0)], note)
    return figure


def _draw_optimizer(
    axis: Axes, runs: pd.DataFrame, name: str, color: str, marker: str, many: bool
) -> None:
    rest, best = runs[~runs["chosen"]], runs[runs["chosen"]]
    for dots, size, face in ((rest, 10, "none"), (best, 16, color)):
        marks = axis.scatter(
            dots["x"], dots["y"], s=size, marker=marker, alpha=0.6, lw=0.7,
            facecolors=face, edgecolors=color, rasterized=many,
        )  # fmt: skip
        belongs(marks, name)
    if len(best) >= ENOUGH:
        (x, left, right), (y, low, high) = (mean(best[c].to_numpy(float))[:3] for c in ("x", "y"))
        for along, up in (([left, right], [y, y]), ([x, x], [low, high])):
            for shade, width in (("white", 2), (color, 1.2)):
                (bar,) = axis.plot(along, up, color=shade, lw=width, zorder=4)
                belongs(bar, name)
