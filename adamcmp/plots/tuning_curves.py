"""What tuning costs: the expected test error of the best of k random trials.

A trial is one run at a setting drawn at random, without replacement, from those of the study; the
best of k is chosen on validation. Within a seed the expectation is exact; lines are means over
seeds with 95 % intervals (Student's t, from five seeds on corrected for skewness). Runs that
diverged are trials too, and count as the worst of those that ended (an error as 0.5 at least). A
curve that falls early is easy to tune.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.analysis import tuning_curves
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import FACET, HUE, as_asked, metric_or
from adamcmp.plots._curves import draw_lines, fit
from adamcmp.plots._style import (
    bands_note,
    keys,
    legend,
    log_axis,
    metric_label,
    ordered,
    panels,
    styled,
)


def data(
    runs: pd.DataFrame, metrics: pd.DataFrame, *, hue: str = HUE, facet: str = FACET
) -> pd.DataFrame:
    """Return `adamcmp.analysis.tuning_curves`, with ``label`` and ``x``, which is k.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Not used.
        hue: What lines are told apart by.
        facet: What panels are told apart by.
    """
    runs = as_asked(runs, hue, facet)
    curves = tuning_curves(runs)
    if curves.empty or curves["k"].max() < 2:
        raise NothingToDraw("No optimizer has several settings to choose from on validation.")
    labels = {
        problem: metric_label(metric_or(None, group), group["loss"].iloc[0])
        for problem, group in runs.groupby("problem")
    }
    return curves.assign(label=curves["problem"].map(labels), x=curves["k"].astype(float))


@styled
def draw(curves: pd.DataFrame) -> Figure:
    """Draw a panel for each problem."""
    problems = ordered(curves["problem"])
    figure, (axes,) = panels(problems, height=2.3)
    for axis, problem in zip(axes, problems, strict=True):
        here = curves[curves["problem"] == problem]
        draw_lines(axis, here)
        fit(axis, here)
        log_axis(axis, here["x"])
        axis.set_xlabel("trials (settings tried)")
        axis.set_ylabel(f"expected {here['label'].iloc[0]}")
    note = f"{bands_note(curves['n'])}; the best of k chosen on validation, diverged runs counted."
    legend(figure, [*keys(curves["optimizer"])], note)
    return figure
