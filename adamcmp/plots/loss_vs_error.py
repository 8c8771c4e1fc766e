"""Final training loss against test error: who generalizes better at the same training loss?"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.plots._style import left_out, legend, looks, measure_label, panels
from adamcmp.stats import chosen


def data(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return every run that ended: ``problem optimizer loss_name x y measure chosen diverged``.

    x is the final training loss; y the final test error, for regression the test loss; diverged
    the number of runs that are not among them.
    """
    done = runs[runs["status"] == "done"]
    best = set(chosen(runs)["run_id"])
    classes = done["test_error"].notna()
    return pd.DataFrame(
        {
            "problem": done["problem"],
            "optimizer": done["optimizer"],
            "loss_name": done["loss"],
            "x": done["train_loss"],
            "y": done["test_error"].where(classes, done["test_loss"]),
            "measure": classes.map({True: "error", False: "loss"}),
            "chosen": done["run_id"].isin(best),
            "diverged": int((runs["status"] == "diverged").sum()),
        }
    ).reset_index(drop=True)


def draw(points: pd.DataFrame) -> Figure:
    """Draw a dot for each run; the chosen setting's are filled, with a cross of ±1 sd."""
    problems = list(points["problem"].unique())
    figure, (axes,) = panels(problems)
    colors = looks(points["optimizer"])
    for axis, problem in zip(axes, problems, strict=True):
        here = points[points["problem"] == problem]
        for optimizer, group in here.groupby("optimizer", sort=False):
            _draw_optimizer(axis, group, *colors[str(optimizer)])
        loss, measure = here["loss_name"].iloc[0], here["measure"].iloc[0]
        axis.set_xlabel(f"final training {measure_label('loss', loss)}")
        axis.set_ylabel(f"final test {measure_label(measure, loss)}")
        if here["x"].min() > 0 and here["x"].max() > 30 * here["x"].min():
            axis.set_xscale("log")  # runs that fit the data crowd at 0 otherwise
    handles = [
        Line2D([], [], color=color, marker=marker, ls="", label=name)
        for name, (color, marker) in colors.items()
    ]
    note = "One mark a run; filled: the setting chosen on validation, cross: its mean ±1 standard "
    note += f"deviation over seeds.{left_out(points['diverged'].iloc[0])}"
    legend(figure, handles, note)
    return figure


def _draw_optimizer(axis: Axes, runs: pd.DataFrame, color: str, marker: str) -> None:
    rest, best = runs[~runs["chosen"]], runs[runs["chosen"]]
    for dots, size, face in ((rest, 16, "none"), (best, 26, color)):
        axis.scatter(
            dots["x"], dots["y"], s=size, marker=marker, alpha=0.6, lw=0.8,
            facecolors=face, edgecolors=color,
        )  # fmt: skip
    if len(best) > 1:
        x, y = best["x"], best["y"]
        axis.errorbar(x.mean(), y.mean(), y.std(), x.std(), color=color, lw=1.2, zorder=4)
