"""Sensitivity to the learning rate at the best weight decay, and vice versa.

Each line is the final test error (regression: loss) over lr or wd, with the other at the value
selected on validation. Intervals (95 %, Student's t) are over the seeds that most settings have;
additional seeds of the selected setting are left out. Large marks are the selected settings.
Crosses at the upper edge are settings that diverged on every seed. The flatter a line, the less
that setting needs tuning.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamcmp.analysis import RunTable
from adamcmp.errors import NothingToDraw
from adamcmp.plots._grid_cells import grid_cells
from adamcmp.plots._options import one_of
from adamcmp.plots.drawing.curves import draw_curves, set_y_limits
from adamcmp.plots.drawing.labels import in_shown_unit, interval_note
from adamcmp.plots.drawing.legends import add_legend, optimizer_handles
from adamcmp.plots.drawing.muting import is_muted
from adamcmp.plots.drawing.panels import log_x_axis, panels_by
from adamcmp.plots.drawing.styles import optimizer_styles, tag_optimizer

_X_LABELS = {"lr": "learning rate, at the best wd", "wd": "weight decay, at the best lr"}
_KEYS = ["problem", "optimizer"]


def data(table: RunTable, *, metric: str | None = None, x: str | None = None) -> pd.DataFrame:
    """Return the cells with the selected wd over lr, and those with the selected lr over wd.

    Args:
        table: The runs.
        metric: A final metric; None takes the test error, for regression the test loss.
        x: ``"lr"`` or ``"wd"``; None takes both.

    Returns:
        The columns of `grid_cells`; ``x_name``, ``"lr"`` or ``"wd"``; ``x``, its value.
    """
    names = [one_of("x", x, tuple(_X_LABELS))] if x else list(_X_LABELS)
    cells = grid_cells(table, metric)
    selected = cells.loc[cells["rank"] == 0, [*_KEYS, "lr", "wd"]]
    lines = []
    for name in names:
        fixed = "wd" if name == "lr" else "lr"
        line = cells.merge(selected[[*_KEYS, fixed]], on=[*_KEYS, fixed]).assign(x_name=name)
        line["x"] = line[name].astype(float)
        lines.append(line[line.groupby(_KEYS)["x"].transform("nunique") > 1])
    values = pd.concat(lines, ignore_index=True)
    if values["estimate"].isna().all():
        raise NothingToDraw(
            "No optimizer has several lr at its best wd, or several wd at its best lr."
        )
    return values.sort_values("x", kind="stable", ignore_index=True)


def draw(lines: pd.DataFrame) -> Figure:
    """Draw a panel for each problem over lr, and one over wd."""
    has_values = lines.groupby(["problem", "x_name"])["estimate"].transform("count") > 0
    figure, panels = panels_by(in_shown_unit(lines[has_values]), "x_name", _X_LABELS)
    for ax, name, rows in panels:
        _draw_panel(ax, rows)
        ax.set_xlabel(_X_LABELS[name])
        ax.set_ylabel(rows["label"].iloc[0])
    note = f"{interval_note(lines.loc[lines['n'] > 0, 'n'])}. Large mark: selected on validation."
    note += " Cross: diverged on every seed." if (lines["share"] == 1).any() else ""
    add_legend(figure, [*optimizer_handles(lines["optimizer"])], note)
    return figure


def _draw_panel(ax: Axes, lines: pd.DataFrame) -> None:
    zero = lines["x"] == 0
    if zero.any():  # a logarithmic axis has no 0: draw it a decade below the least value
        lines = lines.assign(x=lines["x"].where(~zero, lines.loc[~zero, "x"].min() / 10))
    with_values = lines.dropna(subset="estimate")
    draw_curves(ax, with_values, marker_every=1)
    set_y_limits(ax, with_values)
    log_x_axis(ax, lines["x"], zero=bool(zero.any()))
    top = ax.get_ylim()[1]
    for i, (name, (color, marker)) in enumerate(optimizer_styles(lines["optimizer"]).items()):
        if is_muted(name):
            continue
        line = lines[lines["optimizer"] == name]
        selected, diverged = line[line["rank"] == 0], line[line["share"] == 1]
        (mark,) = ax.plot(
            selected["x"], selected["estimate"], marker, color=color, ms=7, mec="white"
        )
        shift = 10 ** (0.03 * i)  # so that crosses of several optimizers do not overlap
        crosses = ax.scatter(
            diverged["x"] * shift, np.full(len(diverged), top), 14, color, marker="x",
            clip_on=False,
        )  # fmt: skip
        # Crosses on the edge of a panel should not make it smaller.
        crosses.set_in_layout(False)
        tag_optimizer(mark, name)
        tag_optimizer(crosses, name)
