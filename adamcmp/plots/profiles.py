"""Performance profiles: on how many problems is an optimizer within a factor of the best?

Each line is the share of problems on which the test error (regression: loss) of an optimizer's best
setting, selected on validation, is at most the factor times that of the problem's best optimizer
(Dolan & Moré 2002). At a factor of 1 it is the share of problems on which the optimizer is best.
An optimizer that diverged on every seed of a problem is within no factor. Problems without every
optimizer are left out.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from adamcmp.analysis import RunTable, performance_profiles
from adamcmp.errors import NothingToDraw
from adamcmp.plots.drawing.legends import add_legend, optimizer_handles
from adamcmp.plots.drawing.muting import layer
from adamcmp.plots.drawing.panels import panels
from adamcmp.plots.drawing.styles import optimizer_styles, tag_optimizer


def data(table: RunTable) -> pd.DataFrame:
    """Return `adamcmp.analysis.performance_profiles`."""
    profiles = performance_profiles(table)
    if profiles.empty:
        raise NothingToDraw(
            "A performance profile needs several problems with the same optimizers."
        )
    return profiles


def draw(profiles: pd.DataFrame) -> Figure:
    """Draw one panel, a line for each optimizer."""
    figure, ((ax,),) = panels([""], height=2.3)
    end = 1 + 1.05 * max(profiles["tau"].max() - 1, 0.01)
    for name, (color, marker) in optimizer_styles(profiles["optimizer"]).items():
        profile = profiles[profiles["optimizer"] == name]
        # The last step extends to the edge of the panel.
        profile = pd.concat([profile, profile.tail(1).assign(tau=end)])
        (line,) = ax.plot(
            profile["tau"], profile["estimate"], color=color, marker=marker, ms=3,
            drawstyle="steps-post", zorder=layer(name),
        )  # fmt: skip
        tag_optimizer(line, name)
    ax.set_xlim(1 - 0.02 * (end - 1), end)
    ax.set_ylim(-0.02, 1.03)
    ax.set_xlabel("factor over the best optimizer's test error (or loss)")
    ax.set_ylabel("share of problems within this factor")
    half_width = (profiles["ci_high"] - profiles["ci_low"]).max() / 2
    note = f"{profiles['n'].iloc[0]} problems: 95 % intervals of shares (Wilson's) "
    note += f"reach ±{half_width:.2f}."
    add_legend(figure, [*optimizer_handles(profiles["optimizer"])], note)
    return figure
