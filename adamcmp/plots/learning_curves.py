"""Loss and error along the run, training solid and test dashed."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.plots._curves import along, draw_band
from adamcmp.plots._style import LABELS, legend, looks, loss_label, panels, spread_note

_STYLES = {"train": "-", "test": "--"}


def data(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the curves' means and spreads; see `adamcmp.plots._curves.along`."""
    return along(runs, metrics, ["train_loss", "test_loss", "train_error", "test_error"])


def draw(curves: pd.DataFrame) -> Figure:
    """Draw a row of panels for the loss and, for classification, one for the error."""
    measures = [m for m in ("loss", "error") if curves["metric"].str.endswith(m).any()]
    problems = list(curves["problem"].unique())
    figure, axes = panels(problems, len(measures))
    colors = looks(curves["optimizer"])
    for (problem, optimizer, metric), curve in curves.groupby(
        ["problem", "optimizer", "metric"], sort=False
    ):
        split, measure = str(metric).split("_")
        axis = axes[measures.index(measure)][problems.index(problem)]
        draw_band(axis, curve, colors[str(optimizer)][0], _STYLES[split])
    for row, measure in zip(axes, measures, strict=True):
        name = loss_label(curves["loss_name"].iloc[0]) if measure == "loss" else LABELS["error"]
        row[0].set_ylabel(name)
    for axis in axes[-1]:
        axis.set_xlabel("epochs")
    handles = [Line2D([], [], color=color, label=name) for name, (color, _) in colors.items()]
    handles += [Line2D([], [], color="#555555", ls=s, label=n) for n, s in _STYLES.items()]
    legend(figure, handles, f"{spread_note(curves['n'])}; setting chosen on validation.")
    return figure
