"""The generalization gap along the run: test minus train at the same weights.

Each line is the mean over the seeds of an optimizer's best setting, selected on validation; the
band is the 95 % interval of that mean (Student's t).
Above zero the model is worse on test data than on its training data.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.analysis import RunTable
from adamcmp.plots._mean_curves import mean_curves
from adamcmp.plots._options import one_of
from adamcmp.plots.drawing.curves import draw_curve_panels
from adamcmp.plots.drawing.labels import diverged_note, interval_note
from adamcmp.plots.drawing.legends import add_legend, optimizer_handles


def data(table: RunTable, *, metric: str | None = None, x: str = "epoch") -> pd.DataFrame:
    """Return the mean gaps of the selected settings; see `mean_curves`.

    Args:
        table: The runs.
        metric: ``"loss"`` or ``"error"``; None takes both.
        x: ``"epoch"``, ``"step"``, ``"examples"`` or ``"wall_time_s"``.
    """
    measures = [one_of("metric", metric, ("loss", "error"))] if metric else ["loss", "error"]
    columns = [f"gap_{measure}" for measure in measures]
    return mean_curves(table.selected(), table.metrics, columns, x)


def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel of the loss's gap for each problem and, for classes, one of the error's."""
    figure, axes = draw_curve_panels(curves, {"gap": "-"})
    for ax in axes:
        ax.axhline(0, color="#999999", lw=0.8, zorder=1)
    note = f"Test minus train. {interval_note(curves['n'])}; setting selected on validation."
    note += diverged_note(curves["diverged"].iloc[0])
    add_legend(figure, [*optimizer_handles(curves["optimizer"])], note)
    return figure
