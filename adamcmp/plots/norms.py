"""Weight norm and relative update along the run.

Upper panels: the norm of all parameters. Lower panels: the norm of the last step's change (decay
included) divided by the norm of all parameters. Each line is the mean over the seeds of an
optimizer's best setting, selected on validation, with its 95 % interval (Student's t).
Where decay and updates are in equilibrium, the relative update depends on the learning rate only.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.analysis import RunTable
from adamcmp.plots._mean_curves import mean_curves
from adamcmp.plots.drawing.curves import draw_curves, set_y_limits
from adamcmp.plots.drawing.labels import X_LABELS, diverged_note, interval_note
from adamcmp.plots.drawing.legends import add_legend, optimizer_handles
from adamcmp.plots.drawing.panels import panels_by

_LABELS = {"param_norm": "norm of the weights", "relative_update": "relative update"}


def data(table: RunTable, *, x: str = "epoch") -> pd.DataFrame:
    """Return the mean norms of the selected settings; see `mean_curves`.

    Args:
        table: The runs.
        x: ``"epoch"``, ``"step"``, ``"examples"`` or ``"wall_time_s"``.
    """
    metrics = table.metrics
    if "param_norm" in metrics and "update_norm" in metrics:
        # A log scale has no position for an update of 0.
        relative = metrics["update_norm"] / metrics["param_norm"]
        metrics = metrics.assign(relative_update=relative.where(relative > 0))
    return mean_curves(table.selected(), metrics, list(_LABELS), x)


def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel of the norm and one of the relative update for each problem."""
    figure, panels = panels_by(curves, "metric", _LABELS)
    for ax, name, rows in panels:
        draw_curves(ax, rows)
        set_y_limits(ax, rows)
        if ax.get_yscale() == "log":
            # Schedules that end at 0 would stretch the scale over many decades.
            ax.set_ylim(bottom=max(ax.get_ylim()[0], ax.get_ylim()[1] / 1e4))
        ax.set_ylabel(_LABELS[name])
        ax.set_xlabel(X_LABELS[rows["x_name"].iloc[0]])
    note = f"{interval_note(curves['n'])}; setting selected on validation."
    note += diverged_note(curves["diverged"].iloc[0])
    add_legend(figure, [*optimizer_handles(curves["optimizer"])], note)
    return figure
