"""The legend above the panels of a figure, and the note below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from adamcmp.analysis.wording import display_name
from adamcmp.plots.drawing.labels import display_text
from adamcmp.plots.drawing.muting import MUTED_COLOR, is_muted
from adamcmp.plots.drawing.styles import GREY, optimizer_styles, tag_optimizer


def optimizer_handles(optimizers: Iterable[str], **line: Any) -> Iterator[Line2D]:
    """Yield the legend handle of each optimizer, and one of all muted ones.

    Args:
        optimizers: Their names.
        line: Properties of the lines that differ from the usual ones.
    """
    muted = 0
    for name, (color, marker) in optimizer_styles(optimizers).items():
        if is_muted(name):
            muted += 1
            continue
        properties: dict[str, Any] = {"marker": marker, "ms": 4, "lw": 1.3} | line
        handle = Line2D([], [], color=color, label=display_name(name), **properties)
        yield tag_optimizer(handle, name)
    if muted:
        thin: dict[str, Any] = {"marker": "o", "ms": 3, "lw": 0.8} | line
        yield Line2D([], [], color=MUTED_COLOR, label=f"{muted} others", **thin)


def add_legend(figure: Figure, handles: Sequence[Artist], note: str) -> None:
    """Put a legend above the panels, and a note on what is shown below them."""
    width = figure.get_figwidth()
    if handles:
        labels = [display_text(str(handle.get_label())) for handle in handles]
        legend = figure.legend(
            handles=handles,
            labels=labels,
            loc="outside upper center",
            ncols=_columns(labels, width),
            columnspacing=1.2,
            handletextpad=0.5,
        )
        _copy_tags(handles, legend)
    # About 21 characters of this size fit into an inch.
    figure.supxlabel(display_text(note, int(width * 21)), fontsize=6.5, color=GREY)


def _copy_tags(handles: Sequence[Artist], legend: Legend) -> None:
    """Tag the legend's entries with the optimizers of their handles."""
    entries = zip(handles, legend.get_texts(), legend.legend_handles, strict=True)
    for handle, text, drawn in entries:
        for artist in (text, drawn):
            if handle.get_gid() is not None and artist is not None:
                artist.set_gid(handle.get_gid())


def _columns(labels: Sequence[str], inches: float) -> int:
    """Return the largest number of legend columns, filled downwards, that fit into a width."""
    for columns in range(len(labels), 1, -1):
        # An entry takes about 0.45 inches for its line, and 0.05 for each character.
        stacks = np.array_split([len(label) for label in labels], columns)
        if sum(0.45 + 0.05 * stack.max() for stack in stacks) <= inches:
            return columns
    return 1
