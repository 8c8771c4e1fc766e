"""What all plots share: sizes, colours, panels, labels, a legend that covers no data."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from adamcmp.analysis.estimates import SKEWNESS_FROM

#: Okabe & Ito's colour-blind safe palette without its yellow, and a grey; black last.
PALETTE = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#888888", "#000000"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
#: Variants keep their colour from plot to plot and from study to study.
_USUAL = ("adam_l2", "adamw", "sgd", "sgdw", "amsgrad", "amsgradw", "adam")

#: Letters are as large as in print: one panel fills a paper's column, two to three its page.
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
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
_A = TypeVar("_A", bound=Artist)
#: With fewer seeds no interval is drawn: with two it is 9 standard deviations to each side.
ENOUGH = 3
COLUMN_INCHES, PAGE_INCHES = 3.4, 7.0

#: Decorates what draws, so that all artists are made in this style.
styled = mpl.rc_context(STYLE)  # type: ignore[arg-type]


def ordered(names: Iterable[str]) -> list[str]:
    """Return names without repetition, the usual ones first, then by word and number."""

    def key(name: str) -> tuple[int, str, float, str]:
        word, number = _split_number(name)
        return (_USUAL.index(name) if name in _USUAL else len(_USUAL), word, number, name)

    return sorted(dict.fromkeys(names), key=key)


def _split_number(name: str) -> tuple[str, float]:
    word, _, last = name.rpartition(" ")
    try:
        return word, float(last)
    except ValueError:
        return name, 0.0


def looks(optimizers: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return each optimizer's (colour, marker), the usual ones' always the same."""
    names = ordered(optimizers)
    if len(names) > 2 and len({_split_number(n)[0] for n in names} - {*names}) == 1:
        shades = mpl.colormaps["viridis"]  # one number that grows: "lr 0.001", "lr 0.01", …
        share = 0.9 / (len(names) - 1)
        return {
            n: (mpl.colors.to_hex(shades(i * share)), MARKERS[i % 8]) for i, n in enumerate(names)
        }
    places = {name: _USUAL.index(name) for name in names if name in _USUAL}
    for name in names:  # "sgd (independent)" and "sgd, cosine" look like sgd where that is free
        first = re.split(r"[ ,]", name)[0]
        if first in _USUAL and _USUAL.index(first) not in places.values():
            places[name] = _USUAL.index(first)
    free = [i for i in range(len(PALETTE)) if i not in places.values()] or [*range(len(PALETTE))]
    others = [name for name in names if name not in places]
    looks = {name: (PALETTE[place], MARKERS[place]) for name, place in places.items()}
    for i, name in enumerate(others):
        place = free[i % len(free)]
        # Beyond the palette a colour comes again, with another marker.
        looks[name] = (PALETTE[place], MARKERS[(place + i // len(free)) % len(MARKERS)])
    return {name: looks[name] for name in names}


def belongs(artist: _A, optimizer: str) -> _A:
    """Say whose artist this is: in svg its group's id becomes ``optimizer:<name>``."""
    artist.set_gid(f"optimizer:{optimizer}")
    return artist


def panels(
    titles: Sequence[str], rows: int = 1, height: float = 2.1, across: int = 3, width: float = 2.8
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with panels in `rows` for each title, and the panels as ``[row][title]``.

    A figure is as wide as a paper's column, or where that leaves less than `width` inches a panel
    wider, up to the page. Beyond `across` titles the panels wrap or, where there are several rows,
    each title gets a line.
    """
    n = len(titles)
    across = 2 if n == 4 and rows == 1 else across
    if rows > 1 and n > across:
        shape = (n, rows)
    else:
        shape = (rows, n) if n <= across else (math.ceil(n / across), across)
    width = min(max(COLUMN_INCHES, width * shape[1]), PAGE_INCHES)
    figure = Figure(figsize=(width, height * shape[0] + 0.6), layout="constrained")
    grid = figure.subplots(*shape, squeeze=False)
    for spare in grid.flat[rows * n :]:
        spare.set_visible(False)
    axes = [list(grid.flat[:n])] if rows == 1 else (grid.T if shape[0] == n > across else grid)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.locator_params(axis="x", nbins=5)
        lines = [plain(part, int(width / shape[1] * 13)) for part in title.split("\n")]
        axis.set_title("\n".join(lines))
    return figure, [list(row) for row in axes]


def panels_by(
    table: pd.DataFrame, column: str, values: Iterable[str]
) -> tuple[Figure, list[tuple[Axes, str, pd.DataFrame]]]:
    """Return a figure with a panel for each problem, across, and value of a column, down.

    Args:
        table: What is drawn, with ``problem``.
        column: What lines of panels are told apart by.
        values: Its values, in order; those that the table lacks get no line.

    Returns:
        The figure; each panel in use with its value and its rows of the table. A panel that would
        have no rows is hidden.
    """
    problems, shown = ordered(table["problem"]), [v for v in values if (table[column] == v).any()]
    figure, axes = panels(problems, len(shown))
    found = []
    for line, value in zip(axes, shown, strict=True):
        for axis, problem in zip(line, problems, strict=True):
            here = table[(table["problem"] == problem) & (table[column] == value)]
            axis.set_visible(not here.empty)
            found += [] if here.empty else [(axis, value, here)]
    return figure, found


def log_axis(axis: Axes, values: pd.Series[float], zero: bool = False) -> None:
    """Make the horizontal axis one of powers of ten, the first value standing for 0 if `zero`."""
    axis.set_xscale("log")
    axis.xaxis.set_minor_formatter(NullFormatter())
    low, high = values.min(), values.max()
    ticks = [10.0**p for p in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
    if len(ticks) > 1 and not zero:
        return  # matplotlib's own are as good
    if zero:
        ticks = [low, *(tick for tick in ticks if tick > 2 * low)]
        texts = ["0", *(f"$10^{{{round(math.log10(tick))}}}$" for tick in ticks[1:])]
    else:
        steps = np.geomspace(low, high, 4) if high > 1.02 * low else [low]
        ticks = [float(f"{step:.1g}") if high > 3 * low else float(f"{step:.2g}") for step in steps]
        texts = [f"{tick:g}" for tick in ticks]
    axis.set_xticks(ticks, texts)


def plain(text: str, width: int = 40) -> str:
    """Return a name as text to show: wrapped, and without mathematics in it."""
    return textwrap.fill(text, max(width, 10)).replace("$", r"\$")


def legend(figure: Figure, handles: Sequence[Artist], note: str) -> None:
    """Put the legend above the panels and a note on what is shown below them."""
    width = figure.get_figwidth()
    if handles:
        labels = [plain(str(handle.get_label())) for handle in handles]
        made = figure.legend(
            handles=handles,
            labels=labels,
            loc="outside upper center",
            ncols=_columns(labels, width),
            columnspacing=1.2,
            handletextpad=0.5,
        )
        shown = zip(handles, made.get_texts(), made.legend_handles, strict=True)
        for handle, text, drawn in shown:
            for artist in (text, drawn):
                if handle.get_gid() is not None and artist is not None:
                    artist.set_gid(handle.get_gid())
    figure.supxlabel(plain(note, int(width * 21)), fontsize=6.5, color="#555555")


def _columns(labels: Sequence[str], inches: float) -> int:
    """Return how many columns of a legend, filled downwards, fit into a width."""
    for columns in range(len(labels), 1, -1):
        stacks = np.array_split([len(label) for label in labels], columns)
        if sum(0.45 + 0.05 * stack.max() for stack in stacks) <= inches:
            return columns
    return 1


def keys(optimizers: Iterable[str], **line: Any) -> Iterator[Line2D]:
    """Yield a legend's handle for each optimizer in its colour and marker."""
    for name, (color, marker) in looks(optimizers).items():
        style: dict[str, Any] = {"marker": marker, "ms": 4, "lw": 1.3} | line
        yield belongs(Line2D([], [], color=color, label=name, **style), name)


_LOSSES = {"cross_entropy": "cross-entropy (nats)", "mse": "mean squared error"}
_SPLITS = {"train": "training ", "val": "validation ", "test": "test ", "gap": "gap in "}


def metric_label(metric: str, loss: str) -> str:
    """Return what an axis of a metric is called, under the name of a training loss.

    ``"test_error"`` is ``"test error"``; ``"loss"`` alone is the loss's own name.
    """
    early = metric.startswith("best_")
    split, _, measure = metric.removeprefix("best_").rpartition("_")
    if (split not in _SPLITS and split) or measure not in ("loss", "error", "accuracy"):
        return metric.replace("_", " ")
    measure = _LOSSES.get(loss, loss) if measure == "loss" else measure
    return _SPLITS.get(split, "") + measure + (" at the best validation" if early else "")


def bands_note(seeds: Iterable[int]) -> str:
    """Say what bands and bars are, over how many seeds, and when those are few."""
    low, high = min(seeds), max(seeds)
    if high < ENOUGH:
        return f"{('One seed', 'Two seeds')[high - 1]}: too few for an interval"
    count = f"{low}" if low == high else f"{low} to {high}"
    few = ", where there are 3" if low < ENOUGH else " (few: wide)" if low < 5 else ""
    return f"Mean and 95 % interval ({_method(low, high)}) over {count} seeds{few}"


def _method(low: int, high: int) -> str:
    """Say how `adamcmp.analysis.estimates.mean` makes intervals over so many seeds."""
    if high < SKEWNESS_FROM:
        return "Student's t"
    begins = f"from {SKEWNESS_FROM} seeds on " if low < SKEWNESS_FROM else ""
    return f"Student's t, {begins}corrected for skewness"


def left_out(diverged: int) -> str:
    """Say how many runs are not drawn."""
    return f" {diverged} diverged and are not drawn." if diverged else ""
