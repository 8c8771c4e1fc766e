"""Fonts, line widths and colors of all plots, and the style of each optimizer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import matplotlib as mpl
from matplotlib.artist import Artist

from adamcmp.analysis.ordering import COMMON_OPTIMIZERS, ordered
from adamcmp.plots.drawing.muting import MUTED_COLOR, is_muted

#: Okabe & Ito's color-blind safe palette without its yellow, and a gray; black last.
_GRAY = "#888888"
PALETTE = (*("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", _GRAY, "#000000"),)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")

#: matplotlib's settings. Font sizes are those in print: a plot of one panel is as wide as a
#: paper's column, a plot of two or three as wide as its page.
STYLE: dict[str, Any] = {
    "figure.dpi": 200,
    "savefig.dpi": 200,
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "lines.linewidth": 1.3,
    "hatch.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    # Text stays text in SVG, and PDF embeds TrueType fonts instead of Type 3.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
GREY = "#555555"
_A = TypeVar("_A", bound=Artist)


class OptimizerStyle(NamedTuple):
    """The color and the marker of an optimizer."""

    color: str
    marker: str


def _split_number(name: str) -> tuple[str, float]:
    """Split ``"lr 0.1"`` into ``("lr", 0.1)``; a name without a number has 0."""
    text, _, last = name.rpartition(" ")
    try:
        return text, float(last)
    except ValueError:
        return name, 0.0


def optimizer_styles(optimizers: Iterable[str]) -> dict[str, OptimizerStyle]:
    """Return the style of each optimizer, in display order.

    Common optimizers have the same style in every plot. Names that differ in one number only, such
    as ``lr 0.001`` and ``lr 0.01``, have the colors of a sequential colormap. Muted ones are gray.
    """
    every = ordered(optimizers)
    muted = {name: OptimizerStyle(MUTED_COLOR, "o") for name in every if is_muted(name)}
    # The gray of the palette would look like that of muted optimizers.
    colors = [i for i, color in enumerate(PALETTE) if not muted or color != _GRAY]
    styles = muted | _distinct_styles([name for name in every if name not in muted], colors)
    return {name: styles[name] for name in every}


def _distinct_styles(names: list[str], colors: Sequence[int]) -> dict[str, OptimizerStyle]:
    """Return the style of each optimizer; uncommon ones get some of the palette's colors."""
    prefixes = {_split_number(name)[0] for name in names} - {*names}
    if len(names) > 2 and len(prefixes) == 1:
        return _sequential_styles(names)
    index = _common_indices(names)
    styles = {name: OptimizerStyle(PALETTE[i], MARKERS[i]) for name, i in index.items()}
    free = [i for i in colors if i not in index.values()] or [*range(len(PALETTE))]
    for n, name in enumerate(name for name in names if name not in index):
        color = free[n % len(free)]
        # Colors repeat once the palette is used up, each time with another marker.
        marker = MARKERS[(color + n // len(free)) % len(MARKERS)]
        styles[name] = OptimizerStyle(PALETTE[color], marker)
    return styles


def _sequential_styles(names: list[str]) -> dict[str, OptimizerStyle]:
    colormap, step = mpl.colormaps["viridis"], 0.9 / (len(names) - 1)
    return {
        name: OptimizerStyle(mpl.colors.to_hex(colormap(i * step)), MARKERS[i % len(MARKERS)])
        for i, name in enumerate(names)
    }


def _common_indices(names: list[str]) -> dict[str, int]:
    """Return the palette index of common optimizers and of their variants.

    A variant such as ``sgd (independent)`` or ``sgd, cosine`` has the index of ``sgd`` unless
    another name has it already.
    """
    index = {name: COMMON_OPTIMIZERS.index(name) for name in names if name in COMMON_OPTIMIZERS}
    for name in names:
        base = re.split(r"[ ,]", name)[0]
        if base in COMMON_OPTIMIZERS and COMMON_OPTIMIZERS.index(base) not in index.values():
            index[name] = COMMON_OPTIMIZERS.index(base)
    return index


def tag_optimizer(artist: _A, optimizer: str) -> _A:
    """Give an artist the id ``optimizer:<name>`` in SVG, by which the HTML page can hide it."""
    artist.set_gid(f"optimizer:{optimizer}")
    return artist
