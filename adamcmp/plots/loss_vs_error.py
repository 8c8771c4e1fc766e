"""Final training loss against test error: who generalizes better at the same training loss?"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.plots._style import LABELS, legend, looks, loss_label, panels, problem_of
from adamcmp.stats import chosen, measure_of


def data(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return every run that ended: ``problem optimizer loss_name x y measure chosen``."""
    done = runs[runs["status"] == "done"]
    measure = measure_of(done)
    best = set(chosen(runs)["run_id"])
    return pd.DataFrame(
        {
            "problem": problem_of(done),
            "optimizer": done["optimizer"],
            "loss_name": done["loss"],
            "x": done["train_loss"],
            "y": done[f"test_{measure}"],
            "measure": measure,
            "chosen": done["run_id"].isin(best),
        }
    ).reset_index(drop=True)


def draw(points: pd.DataFrame) -> Figure:
    """Draw a dot for each run; runs of the setting chosen on validation are filled."""
    problems = list(points["problem"].unique())
    figure, (axes,) = panels(problems)
    colors = looks(points["optimizer"])
    for (problem, optimizer), group in points.groupby(["problem", "optimizer"], sort=False):
        axis = axes[problems.index(problem)]
        color, marker = colors[str(optimizer)]
        rest, best = group[~group["chosen"]], group[group["chosen"]]
        for runs, size, face in ((rest, 16, "none"), (best, 26, color)):
            axis.scatter(
                runs["x"], runs["y"], s=size, marker=marker, alpha=0.7, lw=0.8,
                facecolors=face, edgecolors=color,
            )  # fmt: skip
    loss = loss_label(points["loss_name"].iloc[0])
    for axis in axes:
        axis.set_xlabel(f"final training {loss}")
        if points["x"].min() > 0 and points["x"].max() > 30 * points["x"].min():
            axis.set_xscale("log")  # runs that fit the data crowd at 0 otherwise
    measure = points["measure"].iloc[0]
    axes[0].set_ylabel(f"final test {LABELS['error'] if measure == 'error' else loss}")
    handles = [
        Line2D([], [], color=color, marker=marker, ls="", label=name)
        for name, (color, marker) in colors.items()
    ]
    legend(figure, handles, "One mark a run; filled: the setting chosen on validation.")
    return figure
