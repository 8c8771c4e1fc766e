"""Cost of tuning: the expected test error of the best of k random trials.

A trial is one run at a setting drawn at random, without replacement, from those of the study; the
best of k is selected on validation. Within a seed the expectation is exact; lines are means over
seeds with 95 % intervals (Student's t). Runs that
diverged count as trials, with the worst value of completed ones (an error of at least 50 %). The
earlier a curve falls, the easier the optimizer is to tune.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.analysis import RunTable, tuning_curves
from adamcmp.analysis.ordering import ordered
from adamcmp.errors import NothingToDraw
from adamcmp.plots._grid_cells import with_metric
from adamcmp.plots.drawing.curves import draw_curves, set_y_limits
from adamcmp.plots.drawing.labels import in_shown_unit, interval_note
from adamcmp.plots.drawing.legends import add_legend, optimizer_handles
from adamcmp.plots.drawing.panels import log_x_axis, panels


def data(table: RunTable) -> pd.DataFrame:
    """Return `adamcmp.analysis.tuning_curves`, with ``metric``, ``label`` and ``x``, which is k."""
    if not (table.runs["status"] == "done").any():
        raise NothingToDraw("No run completed.")
    curves = tuning_curves(table)
    if curves.empty or curves["k"].max() < 2:
        raise NothingToDraw("No optimizer has several settings to select from on validation.")
    return with_metric(curves, table, metric=None).assign(x=curves["k"].astype(float))


def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel for each problem."""
    problems = ordered(curves["problem"])
    figure, (axes,) = panels(problems, height=2.3)
    for ax, problem in zip(axes, problems, strict=True):
        rows = in_shown_unit(curves[curves["problem"] == problem])
        draw_curves(ax, rows)
        set_y_limits(ax, rows)
        log_x_axis(ax, rows["x"])
        ax.set_xlabel("trials (settings tried)")
        ax.set_ylabel(f"expected {rows['label'].iloc[0]}")
    note = f"{interval_note(curves['n'])}; the best of k selected on validation, "
    note += "diverged runs counted."
    add_legend(figure, [*optimizer_handles(curves["optimizer"])], note)
    return figure
