"""The generalization gap, test minus train at the same weights, along the run.

Each line is the mean over the seeds of an optimizer's best setting, chosen on validation; its band
is the 95 % interval of that mean (Student's t, from five seeds on corrected for skewness). Above
zero the model does worse on test than on its training data.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.plots._asked import FACET, HUE, as_asked, one_of
from adamcmp.plots._curves import along, draw_panels
from adamcmp.plots._style import bands_note, keys, left_out, legend, styled


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    metric: str | None = None,
    x: str = "epoch",
    hue: str = HUE,
    facet: str = FACET,
) -> pd.DataFrame:
    """Return the gaps' means and intervals; see `adamcmp.plots._curves.along`.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Their evaluations.
        metric: ``"loss"`` or ``"error"``; None takes both.
        x: What lies along the run: ``epoch``, ``step``, ``examples`` or ``wall_time_s``.
        hue: What lines are told apart by.
        facet: What panels are told apart by.
    """
    measures = [one_of("metric", metric, ("loss", "error"))] if metric else ["loss", "error"]
    return along(as_asked(runs, hue, facet), metrics, [f"gap_{m}" for m in measures], x)


@styled
def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel of the loss's gap for each problem and, for classes, one of the error's."""
    figure, axes = draw_panels(curves, {"gap": "-"})
    for axis in axes:
        axis.axhline(0, color="#999999", lw=0.8, zorder=1)
    note = f"Test minus train. {bands_note(curves['n'])}; setting chosen on validation."
    legend(figure, [*keys(curves["optimizer"])], note + left_out(curves["diverged"].iloc[0]))
    return figure
