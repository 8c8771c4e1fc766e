"""The generalization gap, test minus train at the same weights, along the run."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.plots._curves import along, draw_band
from adamcmp.plots._style import legend, looks, loss_label, panels, spread_note


def data(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the gaps' means and spreads; see `adamcmp.plots._curves.along`."""
    return along(runs, metrics, ["gap_loss", "gap_error"])


def draw(curves: pd.DataFrame) -> Figure:
    """Draw a row of panels for the loss's gap and, for classification, one for the error's."""
    gaps = list(curves["metric"].unique())
    problems = list(curves["problem"].unique())
    figure, axes = panels(problems, len(gaps))
    colors = looks(curves["optimizer"])
    for (problem, optimizer, gap), curve in curves.groupby(
        ["problem", "optimizer", "metric"], sort=False
    ):
        axis = axes[gaps.index(gap)][problems.index(problem)]
        draw_band(axis, curve, colors[str(optimizer)][0], "-")
    units = {"gap_loss": f"gap in {loss_label(curves['loss_name'].iloc[0])}"}
    for row, gap in zip(axes, gaps, strict=True):
        row[0].set_ylabel(units.get(gap, "gap in error (share of examples)"))
        for axis in row:
            axis.axhline(0, color="#999999", lw=0.8)
    for axis in axes[-1]:
        axis.set_xlabel("epochs")
    handles = [Line2D([], [], color=color, label=name) for name, (color, _) in colors.items()]
    note = f"Test minus train. {spread_note(curves['n'])}; setting chosen on validation."
    legend(figure, handles, note)
    return figure
