"""Performance profiles: on how many problems is an optimizer within a factor of the best?

A line is the share of problems on which the test error (regression: loss) of an optimizer's best
setting, chosen on validation, is at most the factor times that of the best optimizer there (Dolan &
Moré 2002). At 1 it is the share of problems that the optimizer wins. Problems
without every optimizer are left out.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.analysis import performance_profiles
from adamcmp.errors import NothingToDraw
from adamcmp.plots._asked import FACET, HUE, as_asked
from adamcmp.plots._style import belongs, keys, legend, looks, panels, styled


def data(
    runs: pd.DataFrame, metrics: pd.DataFrame, *, hue: str = HUE, facet: str = FACET
) -> pd.DataFrame:
    """Return `adamcmp.analysis.performance_profiles`.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        metrics: Not used.
        hue: What is compared.
        facet: What problems are told apart by.
    """
    profiles = performance_profiles(as_asked(runs, hue, facet))
    if profiles.empty:
        raise NothingToDraw(
            "A profile needs several problems with runs of all the same optimizers."
        )
    return profiles


@styled
def draw(profiles: pd.DataFrame) -> Figure:
    """Draw one panel, a line for each optimizer."""
    figure, ((axis,),) = panels([""], height=2.3)
    end = 1 + 1.05 * max(profiles["tau"].max() - 1, 0.01)
    for name, (color, marker) in looks(profiles["optimizer"]).items():
        mine = profiles[profiles["optimizer"] == name]
        mine = pd.concat([mine, mine.tail(1).assign(tau=end)])
        (line,) = axis.plot(
            mine["tau"], mine["estimate"], color=color, marker=marker, ms=3, drawstyle="steps-post"
        )
        belongs(line, name)
    axis.set_xlim(1 - 0.02 * (end - 1), end)
    axis.set_ylim(-0.02, 1.03)
    axis.set_xlabel("factor over the best optimizer's test error (or loss)")
    axis.set_ylabel("share of problems within it")
    half = (profiles["ci_high"] - profiles["ci_low"]).max() / 2
    note = (
        f"{profiles['n'].iloc[0]} problems: 95 % intervals of shares (Wilson's) reach ±{half:.2f}."
    )
    legend(figure, [*keys(profiles["optimizer"])], note)
    return figure
