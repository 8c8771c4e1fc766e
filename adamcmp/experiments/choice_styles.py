"""The lines of chosen optimizers: a color for each optimizer, a line style for each variant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.lines import Line2D

from adamcmp.analysis.wording import display_name
from adamcmp.experiments.optimizer_choice import OptimizerChoice
from adamcmp.plots.drawing.styles import MARKERS, optimizer_styles

_LINE_STYLES = ("-", "--", ":", "-.", (0, (4, 1, 1, 1, 1, 1)))


def choice_styles(choices: Sequence[OptimizerChoice]) -> list[dict[str, Any]]:
    """Return the properties of each choice's line: color, line style and marker.

    Choices of the same optimizer with other settings have one color.
    """
    colors = optimizer_styles(choice.name for choice in choices)
    count: Counter[str] = Counter()
    styles = []
    for choice in choices:
        variant = count[choice.name]
        count[choice.name] += 1
        color, marker = colors[choice.name]
        marker = MARKERS[(MARKERS.index(marker) + variant) % len(MARKERS)]
        line = _LINE_STYLES[variant % len(_LINE_STYLES)]
        styles.append({"color": color, "ls": line, "marker": marker, "ms": 3})
    return styles


def choice_handles(choices: Sequence[OptimizerChoice]) -> Iterator[Line2D]:
    """Yield the legend handle of each choice."""
    for choice, style in zip(choices, choice_styles(choices), strict=True):
        yield Line2D([], [], label=display_name(choice.label), **style)
