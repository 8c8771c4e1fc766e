"""The generalization gap at equal training loss: better generalization, or only a worse fit?

Upper panels, along the curves of each optimizer's best setting: the gap where its runs first reach
a training loss. Lower panels, over all settings: a local regression of the final gap on the
logarithm of the final training loss, without runs that diverged. Lines are means over seeds with
95 % intervals (Student's t). If one line is below
another at the same training loss, that optimizer generalizes better and does not merely fit less.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.analysis import RunTable, along_curves, matched, over_settings
from adamcmp.analysis.measures.matched_gap import MATCHED_METRICS
from adamcmp.errors import NothingToDraw
from adamcmp.plots._options import one_of
from adamcmp.plots.drawing.curves import draw_curves, set_y_limits
from adamcmp.plots.drawing.labels import in_shown_unit, interval_note, metric_label
from adamcmp.plots.drawing.legends import add_legend, optimizer_handles
from adamcmp.plots.drawing.panels import log_x_axis, panels_by

_SOURCES = {"curves": "along curves", "settings": "at the end, over settings"}


def data(table: RunTable, *, metric: str | None = None) -> pd.DataFrame:
    """Return `adamcmp.analysis.matched` along curves and over settings.

    Args:
        table: The runs.
        metric: ``gap_error``, ``gap_loss``, ``test_error`` or ``test_loss``; None takes the gap of
            the error, for regression that of the loss.

    Returns:
        The columns of `adamcmp.analysis.matched`; ``source``, ``"curves"`` or ``"settings"``;
        ``loss_name``; ``x``, the training loss.
    """
    if metric is not None:
        one_of("metric", metric, tuple(MATCHED_METRICS))
    metrics = {p: metric or _gap_of(table.measure(p)) for p in table.problems}
    sources = {"curves": along_curves(table), "settings": over_settings(table)}
    tables = [matched(rows).assign(source=name) for name, rows in sources.items() if len(rows)]
    gaps = pd.concat(tables) if tables else matched(sources["curves"])
    gaps = gaps[gaps["metric"] == gaps["problem"].map(metrics)]
    if gaps.empty:
        raise NothingToDraw("No training loss is reached by every optimizer of a problem.")
    losses = table.runs.groupby("problem")["loss"].first()
    gaps = gaps.assign(loss_name=gaps["problem"].map(losses), x=gaps["train_loss"])
    return gaps.sort_values("x", kind="stable", ignore_index=True)


def _gap_of(measure: str) -> str:
    """Return the gap that is drawn for a measure: that of the error or of the loss."""
    return "gap_error" if measure.endswith("error") else "gap_loss"


def draw(gaps: pd.DataFrame) -> Figure:
    """Draw two panels for each problem: along curves, and over settings."""
    figure, panels = panels_by(in_shown_unit(gaps), "source", _SOURCES)
    for ax, source, rows in panels:
        draw_curves(ax, rows)
        set_y_limits(ax, rows)
        log_x_axis(ax, rows["x"])
        ax.invert_xaxis()  # training proceeds to the right
        metric, loss = rows[["metric", "loss_name"]].iloc[0]
        ax.set_ylabel(metric_label(metric, loss))
        ax.set_xlabel(f"{metric_label('train_loss', loss)}\n{_SOURCES[source]}")
    note = f"{interval_note(gaps['n'])}; settings selected on validation."
    add_legend(figure, [*optimizer_handles(gaps["optimizer"])], note)
    return figure
