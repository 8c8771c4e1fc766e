"""Plot the measured decay of the weights in the two forms, over the size of their gradients."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from adamcmp.experiments.choice_styles import choice_handles, choice_styles
from adamcmp.experiments.decay_per_weight import DecayPerWeight
from adamcmp.plots.drawing.legends import add_legend
from adamcmp.plots.drawing.panels import panels
from adamcmp.plots.drawing.styles import STYLE

BINS = 20
TITLES = {"l2": "L2 form", "decoupled": "Decoupled form"}
NOTE = (
    f"Each mark is one of {BINS} equal parts of the weights, by the size of their gradients. A "
    "weight's decay is the change of its steps by weight decay, divided by the weight."
)


def draw_decay(results: Sequence[DecayPerWeight]) -> Figure:
    """Draw the decay per step over the size of the gradients, a panel for each form."""
    choices = list(dict.fromkeys(result.optimizer for result in results))
    styles = dict(zip(choices, choice_styles(choices), strict=True))
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        figure, (axes,) = panels(list(TITLES.values()), height=2.6, width=3.5)
        for ax, form in zip(axes, TITLES, strict=True):
            for result in (result for result in results if result.form == form):
                size, decay = result.binned(BINS)
                ax.plot(size, decay.clip(1e-12), **styles[result.optimizer])
            ax.set(xscale="log", yscale="log", xlabel="root mean square of the gradient")
        axes[0].sharey(axes[1])
        axes[0].autoscale()
        axes[0].set_ylabel("decay per step")
        add_legend(figure, [*choice_handles(choices)], NOTE)
    return figure
