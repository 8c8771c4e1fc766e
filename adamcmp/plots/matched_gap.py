"""The generalization gap at equal training loss: generalizing better, or only fitting less?

Above, along the curves of each optimizer's best setting: the gap where its runs first reach a
training loss. Below, over all settings: a local regression of the final gap on the logarithm of
the final training loss, runs that diverged left out. Lines are means over seeds with 95 %
intervals (Student's t, from five seeds on corrected for skewness). Where one line lies below
another at the same training loss, that optimizer generalizes better, and does not just fit less.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.analysis import along_curves, matched, measure_of, over_settings
from adamcmp.analysis.matched import METRICS
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import FACET, HUE, as_asked, one_of
from adamcmp.plots._curves import draw_lines, fit
from adamcmp.plots._style import bands_note, keys, legend, log_axis, metric_label, panels_by, styled

_WAYS = {"curves": "along curves", "settings": "at the end, over settings"}


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    metric: str | None = None,
    hue: str = HUE,
    facet: str = FACET,
) -> pd.DataFrame:
    """Return `adamcmp.analysis.matched` of both ways, with ``way``, ``loss_name`` and ``x``.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Their evaluations.
        metric: ``gap_error``, ``gap_loss``, ``test_error`` or ``test_loss``; None takes the gap of
            the error, for regression that of the loss.
        hue: What lines are told apart by.
        facet: What panels are told apart by.
    """
    runs = as_asked(runs, hue, facet)
    if metric is not None:
        one_of("metric", metric, tuple(METRICS))
    wanted = {p: metric or f"gap_{measure_of(group)}" for p, group in runs.groupby("problem")}
    losses = runs.groupby("problem")["loss"].first()
    ways = {"curves": along_curves(runs, metrics), "settings": over_settings(runs)}
    tables = [matched(values).assign(way=way) for way, values in ways.items() if len(values)]
    found = pd.concat(tables) if tables else matched(ways["curves"])
    found = found[found["metric"] == found["problem"].map(wanted)]
    if found.empty:
        raise NothingToDraw("No training loss is reached by every optimizer of a problem.")
    found = found.assign(loss_name=found["problem"].map(losses), x=found["train_loss"])
    return found.sort_values("x", kind="stable", ignore_index=True)


@styled
def draw(gaps: pd.DataFrame) -> Figure:
    """Draw a panel for each problem and way."""
    figure, found = panels_by(gaps, "way", _WAYS)
    for axis, way, here in found:
        draw_lines(axis, here)
        fit(axis, here)
        log_axis(axis, here["x"])
        axis.invert_xaxis()  # training goes to the right
        metric, loss = here[["metric", "loss_name"]].iloc[0]
        axis.set_ylabel(metric_label(metric, loss))
        axis.set_xlabel(f"{metric_label('train_loss', loss)}\n{_WAYS[way]}")
    note = f"{bands_note(gaps['n'])}; settings chosen on validation."
    legend(figure, [*keys(gaps["optimizer"])], note)
    return figure
