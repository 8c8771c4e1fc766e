"""What all plots share: colours, panels by problem, a legend that covers no data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

#: Okabe & Ito's colour-blind safe palette, black last.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
#: Variants keep their colour from plot to plot and from study to study.
_USUAL = ("adam_l2", "adamw", "sgd", "sgdw", "amsgrad", "amsgradw", "adam")

STYLE: dict[str, Any] = {
    "figure.dpi": 150,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "adamcmp",  # the same data gives the same file
    "pdf.fonttype": 42,
}

LABELS = {
    "cross_entropy": "cross-entropy (nats)",
    "mse": "mean squared error",
    "error": "error (share of examples)",
}


def ordered(optimizers: Iterable[str]) -> list[str]:
    """Return optimizers without repetition, the usual ones first in their usual order."""
    found = list(dict.fromkeys(optimizers))
    return sorted(found, key=lambda o: (_USUAL.index(o) if o in _USUAL else len(_USUAL), o))


def looks(optimizers: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return each optimizer's (colour, marker), the usual ones' always the same."""
    names = ordered(optimizers)
    places = {name: _USUAL.index(name) for name in names if name in _USUAL}
    free = [i for i in range(len(PALETTE)) if i not in places.values()] or [*range(len(PALETTE))]
    others = [name for name in names if name not in places]
    looks = {name: (PALETTE[place], MARKERS[place]) for name, place in places.items()}
    for i, name in enumerate(others):
        place = free[i % len(free)]
        # Beyond the palette a colour comes again, with another marker.
        looks[name] = (PALETTE[place], MARKERS[(place + i // len(free)) % len(MARKERS)])
    return {name: looks[name] for name in names}


def panels(problems: list[str], rows: int = 1) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with a column of panels per problem, titled where there are several."""
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        width = max(3.4 * len(problems), 4.2)
        figure = Figure(figsize=(width, 2.5 * rows + 0.7), layout="constrained")
        axes = figure.subplots(rows, len(problems), squeeze=False)
    for axis, problem in zip(axes[0], problems, strict=True):
        axis.set_title(textwrap.fill(problem, 40), fontsize=9)
    return figure, [list(row) for row in axes]


def legend(figure: Figure, handles: list[Line2D], note: str) -> None:
    """Put the legend above the panels and a note on what is shown below them."""
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        figure.legend(
            handles=handles, loc="outside upper center", ncols=min(len(handles), 4), fontsize=8
        )
        characters = int(figure.get_figwidth() * 17)  # of this size in an inch
        figure.supxlabel(textwrap.fill(note, characters), fontsize=7, color="#555555")


def measure_label(measure: str, loss: str) -> str:
    """Return the axis label of a measure, ``"loss"`` or ``"error"``, under a training loss."""
    return LABELS.get(loss, loss) if measure == "loss" else LABELS["error"]


def spread_note(seeds: pd.Series[int]) -> str:
    """Say what bands and bars are."""
    low, high = int(seeds.min()), int(seeds.max())
    count = f"{low}" if low == high else f"{low} to {high}"
    return f"Mean ±1 standard deviation over {count} seeds" if high > 1 else "One seed"


def left_out(diverged: int) -> str:
    """Say how many runs are not drawn."""
    return f" {diverged} diverged and are not drawn." if diverged else ""
