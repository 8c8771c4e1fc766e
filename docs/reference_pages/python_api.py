"""The names of the Python API; Sphinx reads their text from the docstrings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from itertools import starmap
from typing import Any

import adamcmp
from adamcmp import analysis, plots
from reference_pages.markdown import markdown_section

#: Classes of attributes of results: their modules and names.
PARTS_OF_RESULTS = {
    "adamcmp.execution.heartbeats": ("ProcessStatus",),
    "adamcmp.reporting.answer": ("Answer",),
    "adamcmp.reporting.rendering": ("RenderedPlot",),
    "adamcmp.reporting.tables": ("Table",),
    "adamcmp.workflows.importing.mapped_table": ("MappedTable",),
}


def python_sections() -> list[str]:
    """Return the functions, errors and results, then the measures and plots."""
    errors = [name for name in adamcmp.__all__ if _is_error(getattr(adamcmp, name))]
    functions = [n for n in adamcmp.__all__ if inspect.isfunction(getattr(adamcmp, n))]
    results = [name for name in adamcmp.__all__ if name not in (*functions, *errors)]
    measures = [name for name in analysis.__all__ if name not in adamcmp.__all__]
    return [
        markdown_section("Functions", _autodoc("adamcmp", functions)),
        markdown_section("Errors", _autodoc("adamcmp", errors)),
        markdown_section("Results of functions", _autodoc("adamcmp", results)),
        markdown_section("Parts of results", *starmap(_autodoc, PARTS_OF_RESULTS.items())),
        markdown_section("Analysis", _autodoc("adamcmp.analysis", measures)),
        markdown_section("Plots", _autodoc("adamcmp.plots", plots.__all__)),
    ]


def _autodoc(module: str, names: Iterable[str]) -> str:
    """Return directives that insert the docstrings of a module's names."""
    namespace = importlib.import_module(module)
    directives = []
    for name in names:
        directive = _directive(getattr(namespace, name))
        members = "   :members:\n" if directive == "autoclass" else ""
        directives.append(f".. {directive}:: {module}.{name}\n{members}")
    return "```{eval-rst}\n" + "\n".join(directives) + "```"


def _directive(value: Any) -> str:
    if _is_error(value):
        return "autoexception"
    if inspect.isclass(value):
        return "autoclass"
    return "autofunction" if inspect.isfunction(value) else "autodata"


def _is_error(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseException)
