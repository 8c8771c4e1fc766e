"""The class of plots: title, caption, options, and the functions that compute and draw."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import ModuleType
from typing import Any, final

import matplotlib as mpl
from matplotlib.figure import Figure

from adamcmp.analysis import RunTable
from adamcmp.plots._options import FACET, HUE, relabel
from adamcmp.plots.drawing.muting import muted_optimizers, muting
from adamcmp.plots.drawing.styles import STYLE


class Plot(ABC):
    """A plot of a table of runs.

    Attributes:
        name: Its file's name, without a suffix.
        title: The first paragraph of its docstring.
        caption: The rest of its docstring: what the plot shows and how that was computed.
    """

    def __init__(self, name: str, docstring: str | None) -> None:
        first, _, rest = inspect.cleandoc(docstring or "").partition("\n\n")
        self.name = name
        self.title = " ".join(first.split()).rstrip(".")
        self.caption = " ".join(rest.split())

    @property
    @abstractmethod
    def options(self) -> dict[str, str | None]:
        """The options of `data` with their defaults."""

    @abstractmethod
    def data(self, table: RunTable, **options: str) -> Any:
        """Return the data to draw, as plain values.

        Raises:
            NothingToDraw: If the plot does not apply to these runs.
            ConfigError: If an option's value is wrong.
        """

    @abstractmethod
    def draw(self, data: Any) -> Figure:
        """Draw the result of `data`."""

    def figure(self, table: RunTable, **options: str) -> Figure:
        """Compute the data and draw it; if there are many optimizers, most of them in gray."""
        with muting(muted_optimizers(table)):
            return self.draw(self.data(table, **options))


@final
class BuiltinPlot(Plot):
    """A module of this package with ``data(table, *, options)`` and ``draw(data)``.

    Every such plot has the options ``hue`` and ``facet``. They relabel the table before it
    is passed to the module's ``data``. A module whose default hue is not the optimizer sets
    ``HUE``.
    """

    def __init__(self, name: str, module: ModuleType) -> None:
        super().__init__(name, module.__doc__)
        self._module = module
        self._hue: str = getattr(module, "HUE", HUE)

    @property
    def options(self) -> dict[str, str | None]:
        """The options of the module's ``data``, hue and facet."""
        return keyword_options(self._module.data) | {"hue": self._hue, "facet": FACET}

    def data(
        self, table: RunTable, *, hue: str | None = None, facet: str = FACET, **options: str
    ) -> Any:
        """Relabel the table and compute the plot's data; see `Plot.data`."""
        return self._module.data(relabel(table, hue or self._hue, facet), **options)

    def draw(self, data: Any) -> Figure:
        """Draw in the style that all plots share."""
        with mpl.rc_context(STYLE):  # type: ignore[arg-type]
            figure: Figure = self._module.draw(data)
        return figure


def keyword_options(function: Callable[..., Any]) -> dict[str, str | None]:
    """Return the keyword-only parameters of a function with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
