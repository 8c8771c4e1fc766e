"""Loss and error along the run: training solid, test dashed.

Each line is the mean over the seeds of an optimizer's best setting, selected on validation; the
band is the 95 % interval of that mean (Student's t).
Training metrics are measured in evaluation mode at the same weights as test metrics.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.analysis import RunTable
from adamcmp.analysis.metrics import reported_split
from adamcmp.plots._mean_curves import mean_curves
from adamcmp.plots._options import one_of
from adamcmp.plots.drawing.curves import draw_curve_panels
from adamcmp.plots.drawing.labels import diverged_note, interval_note
from adamcmp.plots.drawing.legends import add_legend, optimizer_handles
from adamcmp.plots.drawing.styles import GREY
from adamcmp.storage.columns import BASE_METRICS

_LINE_STYLES = {"train": "-", "val": "--", "test": "--"}


def data(table: RunTable, *, metric: str | None = None, x: str = "epoch") -> pd.DataFrame:
    """Return the mean curves of the selected settings; see `mean_curves`.

    Args:
        table: The runs.
        metric: ``"loss"``, ``"error"`` or ``"accuracy"``; None takes loss and error.
        x: ``"epoch"``, ``"step"``, ``"examples"`` or ``"wall_time_s"``.
    """
    measures = [one_of("metric", metric, BASE_METRICS)] if metric else ["loss", "error"]
    splits = ("train", reported_split(table.runs))
    columns = [f"{split}_{measure}" for measure in measures for split in splits]
    return mean_curves(table.selected(), table.metrics, columns, x)


def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel of the loss for each problem and, for classification, one of the error."""
    figure, _ = draw_curve_panels(curves, _LINE_STYLES)
    handles = [*optimizer_handles(curves["optimizer"])]
    drawn = set(curves["metric"].str.partition("_")[0])
    styles = {split: style for split, style in _LINE_STYLES.items() if split in drawn}
    handles += [Line2D([], [], color=GREY, ls=s, label=split) for split, s in styles.items()]
    note = f"{interval_note(curves['n'])}; setting selected on validation."
    add_legend(figure, handles, note + diverged_note(curves["diverged"].iloc[0]))
    return figure
