"""The generalization gap, test minus train at the same weights, along the run."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.plots._curves import along, draw_panels
from adamcmp.plots._style import left_out, legend, looks, spread_note


def data(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the gaps' means and spreads; see `adamcmp.plots._curves.along`."""
    return along(runs, metrics, ["gap_loss", "gap_error"])


def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel of the loss's gap for each problem and, for classes, one of the error's."""
    figure, axes = draw_panels(curves, {"gap": "-"}, "gap in ")
    for axis in axes:
        axis.axhline(0, color="#999999", lw=0.8)
    handles = [
        Line2D([], [], color=color, label=name)
        for name, (color, _) in looks(curves["optimizer"]).items()
    ]
    note = f"Test minus train. {spread_note(curves['n'])}; setting chosen on validation."
    legend(figure, handles, note + left_out(curves["diverged"].iloc[0]))
    return figure
