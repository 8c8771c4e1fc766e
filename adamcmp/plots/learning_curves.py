"""Loss and error along the run, training solid and test dashed."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.plots._curves import along, draw_panels
from adamcmp.plots._style import left_out, legend, looks, spread_note

_STYLES = {"train": "-", "test": "--"}


def data(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the curves' means and spreads; see `adamcmp.plots._curves.along`."""
    return along(runs, metrics, ["train_loss", "test_loss", "train_error", "test_error"])


def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel of the loss for each problem and, for classification, one of the error."""
    figure, _ = draw_panels(curves, _STYLES, "")
    handles = [
        Line2D([], [], color=color, label=name)
        for name, (color, _) in looks(curves["optimizer"]).items()
    ]
    handles += [Line2D([], [], color="#555555", ls=s, label=n) for n, s in _STYLES.items()]
    note = f"{spread_note(curves['n'])}; setting chosen on validation."
    legend(figure, handles, note + left_out(curves["diverged"].iloc[0]))
    return figure
