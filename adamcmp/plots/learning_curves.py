"""Loss and error along the run, training solid and test dashed.

Each line is the mean over the seeds of an optimizer's best setting, chosen on validation; its band
is the 95 % interval of that mean (Student's t, from five seeds on corrected for skewness). Training
metrics are measured in evaluation mode at the same weights as test metrics.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adamcmp.plots._asked import FACET, HUE, as_asked, one_of
from adamcmp.plots._curves import along, draw_panels
from adamcmp.plots._style import bands_note, keys, left_out, legend, styled
from adamcmp.storage.columns import MEASURES

_STYLES = {"train": "-", "test": "--"}


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    metric: str | None = None,
    x: str = "epoch",
    hue: str = HUE,
    facet: str = FACET,
) -> pd.DataFrame:
    """Return the curves' means and intervals; see `adamcmp.plots._curves.along`.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Their evaluations.
        metric: ``"loss"``, ``"error"`` or ``"accuracy"``; None takes loss and error.
        x: What lies along the run: ``epoch``, ``step``, ``examples`` or ``wall_time_s``.
        hue: What lines are told apart by.
        facet: What panels are told apart by.
    """
    measures = [one_of("metric", metric, MEASURES)] if metric else ["loss", "error"]
    columns = [f"{split}_{measure}" for measure in measures for split in _STYLES]
    return along(as_asked(runs, hue, facet), metrics, columns, x)


@styled
def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel of the loss for each problem and, for classification, one of the error."""
    figure, _ = draw_panels(curves, _STYLES)
    handles = [*keys(curves["optimizer"])]
    handles += [Line2D([], [], color="#555555", ls=s, label=n) for n, s in _STYLES.items()]
    note = f"{bands_note(curves['n'])}; setting chosen on validation."
    legend(figure, handles, note + left_out(curves["diverged"].iloc[0]))
    return figure
