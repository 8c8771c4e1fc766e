"""Plot the distance between the L2 form and the decoupled form of optimizers."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from adamcmp.experiments.choice_styles import choice_handles, choice_styles
from adamcmp.experiments.distances import FormDistances
from adamcmp.plots.drawing.legends import add_legend
from adamcmp.plots.drawing.panels import panels
from adamcmp.plots.drawing.styles import GREY, STYLE

TITLES = ("Distance between the two forms", "After the last step, any coefficient")
NOTE = (
    "Both forms start from the same weights and see the same batches. Left: with the matched "
    "coefficient of decoupled decay. Right: at 1 (dotted) the forms are as far apart as the L2 "
    "form and the rule without weight decay."
)


def draw_distances(results: Sequence[FormDistances]) -> Figure:
    """Draw the distance over the steps, and at the end over the coefficient of decoupled decay."""
    choices = [result.optimizer for result in results]
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        figure, ((over_steps, over_coefficients),) = panels(TITLES, height=2.6, width=3.5)
        for result, style in zip(results, choice_styles(choices), strict=True):
            over_steps.plot(result.steps, result.distance, markevery=0.15, **style)
            factors = result.coefficients.others / result.coefficients.l2
            over_coefficients.plot(factors, result.last_share, markevery=0.15, **style)
        over_steps.set(xscale="log", yscale="log", xlabel="steps")
        over_steps.set_ylabel("distance / norm of the weights")
        over_coefficients.axhline(1, color=GREY, lw=0.8, ls=":")
        over_coefficients.set(xscale="log", ylim=(0, 1.5))
        over_coefficients.set_xlabel("wd of the decoupled form / wd of L2")
        over_coefficients.set_ylabel("distance / effect of the decay")
        add_legend(figure, [*choice_handles(choices)], NOTE)
    return figure
