"""Plots: each is a module with ``data(table, *, metric=..., x=...)`` and ``draw(data)``.

Every module of this package whose name has no leading underscore is a plot. The first paragraph of
its docstring is its title; the rest is its caption: what the plot shows and how it was computed.
The keyword-only parameters of ``data`` are its options: some of `metric`, `x` and `y`. Every plot
also has the options `hue` and `facet` (see `relabel`). A plot that does not apply to the runs
raises `NothingToDraw` with the reason. Artists of an optimizer have the id ``optimizer:<name>``.
"""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from pathlib import Path
from typing import IO

import matplotlib as mpl
from matplotlib.figure import Figure

from adamcmp.errors import NotFound, NothingToDraw, nearest
from adamcmp.platform.files import expand_user
from adamcmp.plots._base import BuiltinPlot, Plot
from adamcmp.plots._options import relabel
from adamcmp.plots._user_plot import UserPlot
from adamcmp.plots.drawing.styles import STYLE

__all__ = ["FORMATS", "PLOTS", "NothingToDraw", "Plot", "find_plot", "relabel", "save"]

#: The plots of a report by name.
PLOTS: dict[str, Plot] = {
    module.name: BuiltinPlot(module.name, importlib.import_module(f"{__name__}.{module.name}"))
    for module in pkgutil.iter_modules(__path__)
    if not module.ispkg and not module.name.startswith("_")
}
FORMATS = ("png", "svg", "pdf")
#: Without the date of writing, the same data gives the same file.
_NO_DATE: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def find_plot(name: str) -> Plot:
    """Return a plot by name, or the plot in a user's file.

    >>> find_plot("heatmap").options
    {'metric': None, 'hue': 'optimizer', 'facet': 'problem'}

    Args:
        name: One of `PLOTS`, or the path of a Python file.

    Raises:
        NotFound: If there is no such plot or file.
        ConfigError: If the file fails or contains no plot.
    """
    if name in PLOTS:
        return PLOTS[name]
    if name.endswith(".py"):
        return UserPlot(expand_user(name))
    raise NotFound(
        f"There is no plot {name!r}.{nearest(name, PLOTS)} `adamcmp plot` lists them; "
        f"the name of a plot file of yours ends in .py."
    )


def save(figure: Figure, target: Path | IO[bytes], suffix: str, name: str) -> None:
    """Write a figure; the same data gives the same bytes.

    >>> import io
    >>> content = io.BytesIO()
    >>> save(Figure(figsize=(1, 1)), content, "png", "mine")
    >>> content.getvalue()[1:4]
    b'PNG'

    Args:
        figure: What a plot's `draw` returned.
        target: A file, or a stream of bytes.
        suffix: One of `FORMATS`.
        name: The plot's name. It makes the ids inside an SVG different from those of other plots,
            so that several can be parts of one page.
    """
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in another script
        figure.savefig(target, format=suffix, metadata=_NO_DATE.get(suffix, {}))
    # The layout is final after the first format. With an engine, even "none", savefig draws twice.
    figure.set_layout_engine(None)
