"""Plots: each a file with ``data(runs, metrics, *, options)``, tested, and ``draw(data)``.

The first paragraph of a plot's docstring is its line in lists; the rest is its caption, in plain
words: what is shown and how it was computed. Its options are the keyword-only parameters of its
``data``, out of metric, x, y, hue and facet. A plot that does not apply to the runs at hand raises
`NothingToDraw`, which says why. Artists of an optimizer have the id ``optimizer:<name>``.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import IO

import matplotlib as mpl
from matplotlib.figure import Figure

from adamcmp.errors import NotFound, NothingToDraw, nearest
from adamcmp.plots._own import load
from adamcmp.plots._style import STYLE

#: The plots of a report, by the name of their files.
PLOTS: dict[str, ModuleType] = {
    module.name: importlib.import_module(f"adamcmp.plots.{module.name}")
    for module in pkgutil.iter_modules(__path__)
    if not module.name.startswith("_")
}
FORMATS = ("png", "svg", "pdf")
#: The same data gives the same file: no date inside.
_NO_DATE: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def find(name: str) -> ModuleType:
    """Return a plot by its name, or the one in a person's own file.

    Raises:
        NotFound: When there is no such plot or file.
        ConfigError: When the file holds no plot, or fails.
    """
    if name in PLOTS:
        return PLOTS[name]
    if name.endswith(".py"):
        return load(Path(name).expanduser())
    raise NotFound(
        f"There is no plot {name!r}.{nearest(name, PLOTS)} `adamcmp plot` lists them; "
        f"a file of your own ends in .py."
    )


def line(plot: ModuleType) -> str:
    """Return a plot's line in lists."""
    return _paragraphs(plot)[0]


def caption(plot: ModuleType) -> str:
    """Return what a plot shows and how it was computed, "" when its file does not say."""
    return _paragraphs(plot)[1]


def _paragraphs(plot: ModuleType) -> tuple[str, str]:
    first, _, rest = inspect.cleandoc(plot.__doc__ or "").partition("\n\n")
    return " ".join(first.split()), " ".join(rest.split())


def options(plot: ModuleType) -> dict[str, str | None]:
    """Return the options that a plot takes, with their defaults."""
    parameters = inspect.signature(plot.data).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def save(figure: Figure, target: Path | IO[bytes], suffix: str, name: str) -> None:
    """Write a figure; the same data gives the same bytes.

    Args:
        figure: What `draw` returned.
        target: A file, or a stream of bytes.
        suffix: One of `FORMATS`.
        name: The plot's; with it the ids that svg refers to differ from those of other plots in
            the same page.
    """
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in another script
        figure.savefig(target, format=suffix, metadata=_NO_DATE.get(suffix, {}))
    figure.set_layout_engine("none")  # it is laid out now: the next format is quicker


__all__ = ["FORMATS", "PLOTS", "NothingToDraw", "caption", "find", "line", "options", "save"]
