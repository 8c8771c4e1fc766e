"""Plots of users: a Python file with ``data(runs, metrics)`` and ``draw(data)``."""

from __future__ import annotations

import contextlib
import importlib.util
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, final

from matplotlib.figure import Figure

from adamcmp.analysis import RunTable
from adamcmp.errors import AdamcmpError, ConfigError, NotFound
from adamcmp.plots._base import Plot, keyword_options


@final
class UserPlot(Plot):
    """The plot in a user's file.

    ``data`` takes the runs and their evaluations as DataFrames and returns what is drawn;
    ``draw`` takes that and returns a matplotlib Figure. The keyword-only parameters of ``data``
    are the plot's options. Whatever these functions raise becomes a `ConfigError` with the line
    of the file.

    Raises:
        NotFound: If there is no such file.
        ConfigError: If the file fails, or has no functions ``data`` and ``draw``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._module = _load(path)
        super().__init__(path.stem, self._module.__doc__)

    @property
    def options(self) -> dict[str, str | None]:
        """The keyword-only parameters of ``data``."""
        return keyword_options(self._module.data)

    def data(self, table: RunTable, **options: str) -> Any:
        """Call the file's ``data``; see `Plot.data`."""
        with _located_errors(self._path, " in data"):
            return self._module.data(table.runs, table.metrics, **options)

    def draw(self, data: Any) -> Figure:
        """Call the file's ``draw``.

        Raises:
            ConfigError: If it fails or returns no Figure.
        """
        with _located_errors(self._path, " in draw"):
            figure = self._module.draw(data)
        if not isinstance(figure, Figure):
            raise ConfigError(
                f"{self._path}: draw returned {type(figure).__name__}, not a matplotlib Figure."
            )
        return figure


def _load(path: Path) -> ModuleType:
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    with _located_errors(path):
        spec.loader.exec_module(module)
    for name in ("data", "draw"):
        if not callable(getattr(module, name, None)):
            raise ConfigError(
                f"{path} has no function {name}: a plot has data(runs, metrics), which returns "
                f"what is drawn, and draw(data), which returns a matplotlib Figure."
            )
    return module


@contextlib.contextmanager
def _located_errors(path: Path, function: str = "") -> Iterator[None]:
    """Convert exceptions of the user's code to a `ConfigError` that names the line."""
    try:
        yield
    except AdamcmpError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f.lineno for f in frames if Path(f.filename).resolve() == path.resolve()]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
        location = f", line {line}" if line else ""
        raise ConfigError(f"{path}{location}{function}: {type(error).__name__}: {error}") from error
