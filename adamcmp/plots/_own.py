"""A person's own plot: one file with ``data`` and ``draw``."""

from __future__ import annotations

import functools
import importlib.util
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from matplotlib.figure import Figure

from adamcmp.errors import AdamcmpError, ConfigError, NotFound


def load(path: Path) -> ModuleType:
    """Return the module in a file, whose errors from now on are told in words.

    Raises:
        NotFound: When there is no such file.
        ConfigError: When it fails, or has no functions ``data`` and ``draw``.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    _told(path, "", spec.loader.exec_module)(module)
    for name in ("data", "draw"):
        if not callable(getattr(module, name, None)):
            raise ConfigError(
                f"{path} has no function {name}: a plot has data(runs, metrics), which returns "
                f"what is drawn, and draw(data), which returns a matplotlib Figure."
            )
    data, draw = (_told(path, f" in {name}", getattr(module, name)) for name in ("data", "draw"))
    vars(module).update(data=data, draw=_a_figure(path, draw))
    return module


def _told(path: Path, where: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of a person's file whose failure is an error in words, with its line."""

    @functools.wraps(function)
    def told(*values: Any, **named: Any) -> Any:
        try:
            return function(*values, **named)
        except AdamcmpError:
            raise
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            mine = [f.lineno for f in frames if Path(f.filename).resolve() == path.resolve()]
            line = getattr(error, "lineno", None) or (mine[-1] if mine else None)
            at = f", line {line}" if line else ""
            raise ConfigError(f"{path}{at}{where}: {type(error).__name__}: {error}") from error

    return told


def _a_figure(path: Path, draw: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(draw)
    def checked(data: Any) -> Any:
        figure = draw(data)
        if not isinstance(figure, Figure):
            kind = type(figure).__name__
            raise ConfigError(f"{path}: draw returned {kind}, not a matplotlib Figure.")
        return figure

    return checked
