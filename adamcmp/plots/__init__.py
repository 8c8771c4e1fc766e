"""Plots: each a file with ``data(runs, metrics)``, tested, and ``draw(data)``, a Figure."""

from adamcmp.plots import gap_curves, learning_curves, loss_vs_error

#: The plots of a report, by the name of their files.
PLOTS = {
    "learning_curves": learning_curves,
    "gap_curves": gap_curves,
    "loss_vs_error": loss_vs_error,
}

__all__ = ["PLOTS"]
