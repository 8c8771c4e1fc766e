"""Weight norm and relative update along the run.

Above, the norm of all parameters; below, the norm of the last step's change (decay included) over
it. Each line is the mean over the seeds of an optimizer's best setting, chosen on validation, with
its 95 % interval (Student's t, from five seeds on corrected for skewness). Where decay and updates
are in balance the relative update follows the learning rate and nothing else.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.plots._asked import FACET, HUE, as_asked
from adamcmp.plots._curves import ALONG, along, draw_lines, fit
from adamcmp.plots._style import bands_note, keys, left_out, legend, panels_by, styled

_LABELS = {"param_norm": "norm of the weights", "relative_update": "relative update"}


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    x: str = "epoch",
    hue: str = HUE,
    facet: str = FACET,
) -> pd.DataFrame:
    """Return the norms' means and intervals; see `adamcmp.plots._curves.along`.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Their evaluations.
        x: What lies along the run: ``epoch``, ``step``, ``examples`` or ``wall_time_s``.
        hue: What lines are told apart by.
        facet: What panels are told apart by.
    """
    if "param_norm" in metrics and "update_norm" in metrics:
        relative = metrics["update_norm"] / metrics["param_norm"]
        metrics = metrics.assign(relative_update=relative.where(relative > 0))
    return along(as_asked(runs, hue, facet), metrics, list(_LABELS), x)


@styled
def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel of the norm and one of the relative update for each problem."""
    figure, found = panels_by(curves, "metric", _LABELS)
    for axis, name, here in found:
        draw_lines(axis, here)
        fit(axis, here)
        if axis.get_yscale() == "log":  # a schedule that ends at 0 would leave no room
            axis.set_ylim(bottom=max(axis.get_ylim()[0], axis.get_ylim()[1] / 1e4))
        axis.set_ylabel(_LABELS[name])
        axis.set_xlabel(ALONG[here["x_name"].iloc[0]])
    note = f"{bands_note(curves['n'])}; setting chosen on validation."
    legend(figure, [*keys(curves["optimizer"])], note + left_out(curves["diverged"].iloc[0]))
    return figure
