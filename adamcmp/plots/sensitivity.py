"""How much the learning rate matters at the best weight decay, and the reverse.

Each line is the final test error (regression: loss) over one of the two, the other held where
validation chose it, with its 95 % interval (Student's t, from five seeds on corrected for skewness)
over the seeds that most settings have: a winner's fresh seeds are left out. The large mark is the
chosen setting. Crosses on the upper edge are settings that diverged for every seed. A flat line
forgives.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import FACET, HUE, as_asked, one_of
from adamcmp.plots._curves import draw_lines, fit
from adamcmp.plots._grid import cells_of
from adamcmp.plots._style import (
    bands_note,
    belongs,
    keys,
    legend,
    log_axis,
    looks,
    panels_by,
    styled,
)

_AXES = {"lr": "learning rate, at the best wd", "wd": "weight decay, at the best lr"}


def data(
    runs: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    metric: str | None = None,
    x: str | None = None,
    hue: str = HUE,
    facet: str = FACET,
) -> pd.DataFrame:
    """Return the cells of `adamcmp.plots._grid.cells_of` in line with the chosen ones.

    Further columns: ``axis``, ``"lr"`` or ``"wd"``, and ``x``, its value.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Not used.
        metric: A final metric; None takes the test error, for regression the test loss.
        x: ``"lr"`` or ``"wd"``; None takes both.
        hue: What lines are told apart by.
        facet: What panels are told apart by.
    """
    axes = [one_of("x", x, tuple(_AXES))] if x else list(_AXES)
    cells = cells_of(as_asked(runs, hue, facet), metric)
    keys_ = ["problem", "optimizer"]
    best = cells.loc[cells["rank"] == 0, [*keys_, "lr", "wd"]]
    found = []
    for axis in axes:
        held = "wd" if axis == "lr" else "lr"
        line = cells.merge(best[[*keys_, held]], on=[*keys_, held]).assign(axis=axis)
        line["x"] = line[axis].astype(float)
        several = line.groupby(keys_)["x"].transform("nunique") > 1
        found.append(line[several])
    lines = pd.concat(found, ignore_index=True)
    if lines["estimate"].isna().all():
        raise NothingToDraw("No optimizer has several lr at its best wd, or several wd at its lr.")
    return lines.sort_values("x", kind="stable", ignore_index=True)


@styled
def draw(lines: pd.DataFrame) -> Figure:
    """Draw a panel for each problem and axis."""
    ended = lines.groupby(["problem", "axis"])["estimate"].transform("count") > 0
    figure, found = panels_by(lines[ended], "axis", _AXES)
    for axis, name, here in found:
        _draw_axis(axis, here)
        axis.set_xlabel(_AXES[name])
        axis.set_ylabel(here["label"].iloc[0])
    note = f"{bands_note(lines.loc[lines['n'] > 0, 'n'])}. Large mark: chosen on validation."
    note += " Cross: diverged for every seed." if (lines["share"] == 1).any() else ""
    legend(figure, [*keys(lines["optimizer"])], note)
    return figure


def _draw_axis(axis: Axes, lines: pd.DataFrame) -> None:
    zero = lines["x"] == 0
    if zero.any():  # a decay of 0 stands a step to the left of the others
        lines = lines.assign(x=lines["x"].where(~zero, lines.loc[~zero, "x"].min() / 10))
    done = lines.dropna(subset="estimate")
    draw_lines(axis, done, every=1)
    fit(axis, done)
    log_axis(axis, lines["x"], zero=bool(zero.any()))
    top = axis.get_ylim()[1]
    for i, (name, (color, marker)) in enumerate(looks(lines["optimizer"]).items()):
        mine = lines[lines["optimizer"] == name]
        best, lost = mine[mine["rank"] == 0], mine[mine["share"] == 1]
        (mark,) = axis.plot(best["x"], best["estimate"], marker, color=color, ms=7, mec="white")
        shift = 10 ** (0.03 * i)  # those of several optimizers beside each other
        crosses = axis.scatter(
            lost["x"] * shift, np.full(len(lost), top), 14, color, marker="x", clip_on=False
        )
        crosses.set_in_layout(False)
        belongs(mark, name)
        belongs(crosses, name)
