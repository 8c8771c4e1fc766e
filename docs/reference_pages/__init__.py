"""Generate the pages of docs/reference/ from the code that they describe."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

import adamcmp
from adamcmp import analysis, plots
from adamcmp.cli import COMMANDS, command_module
from adamcmp.cli.reference import command_section
from adamcmp.components.registry import Component, Group
from adamcmp.config import (
    CONFIG_GROUPS,
    SHORT_KEYS,
    Eval,
    Execution,
    Numerics,
    Protocol,
    ResultsLocation,
    Search,
    component_defaults,
)
from adamcmp.plots import PLOTS
from adamcmp.storage.columns import METRIC_COLUMNS, RUN_COLUMNS, Column, Role, run_columns
from adamcmp.workflows.components import list_components
from reference_pages.component_settings import computation, default, setting_row
from reference_pages.markdown import markdown_page, markdown_table, one_line

#: The classes that hold the settings of a run, and the prefix of their keys.
RUN_SETTINGS: dict[str, dict[type[Component], str]] = {
    "Budget, batches and evaluations": {Protocol: "", Eval: "eval."},
    "Numerics": {Numerics: ""},
    "Distribution of the work": {Execution: ""},
    "Search": {Search: ""},
    "Results": {ResultsLocation: ""},
}


def write(docs: Path) -> None:
    """Write the pages below `docs` whose text has changed, so that Sphinx reads only those anew."""
    folder = docs / "reference"
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        file, text = folder / f"{name}.md", page()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def commands() -> str:
    """Return the page of the commands."""
    os.environ["COLUMNS"] = "80"  # argparse wraps lines at the width of the terminal
    intro = (
        "`adamcmp COMMAND --help` prints what this page says of a command. The exit code is 0; 1 "
        "if a run, a statistic or a plot failed, or another process is training a run; 2 for "
        "invalid input; and 128 plus the signal's number if a signal ended the command."
    )
    sections = [command_section(command_module(name).parser()) for name in COMMANDS]
    return markdown_page("Commands", intro, *sections)


def settings() -> str:
    """Return the page of the settings that do not belong to a component."""
    intro = (
        "A setting is an override of a command, such as `epochs=60`, or a key of a study file. "
        "`adamcmp run --cfg job` prints all settings of a run with their values. "
        "[Components](components.md) lists the settings of datasets, models, optimizers, schedules "
        "and losses."
    )
    defaults = yaml.safe_load((files("adamcmp.configs") / "config.yaml").read_text("utf-8"))
    short_keys = [[f"`{key}`", f"`{full}`"] for key, full in SHORT_KEYS.items() if "." not in key]
    sections = ["## Short keys\n\n" + markdown_table(["short key", "setting"], short_keys)]
    for title, classes in RUN_SETTINGS.items():
        rows = [
            setting_row(cls, field, prefix, value)
            for cls, prefix in classes.items()
            for field in cls.model_fields
            if not isinstance(value := (defaults["eval"] if prefix else defaults)[field], dict)
        ]
        sections.append(f"## {title}\n\n" + markdown_table(["setting", "default", "meaning"], rows))
    return markdown_page("Settings", intro, *sections)


def components() -> str:
    """Return the page of the components of every config group."""
    intro = (
        "A component is selected by its name, as in `optimizer=sgdw`, and its settings have the "
        "group's name as a prefix, as in `optimizer.momentum=0.9`. `adamcmp components` prints "
        "this list, `adamcmp run --cfg job optimizer=sgdw` the settings of one of them."
    )
    sections = [
        _group_section(name, group, list_components(name)[name])
        for name, group in CONFIG_GROUPS.items()
    ]
    return markdown_page("Components", intro, *sections)


def columns() -> str:
    """Return the page of the columns of `runs` and `metrics`."""
    intro = (
        "`results/STUDY/runs/*.parquet` has one row per run, `results/STUDY/metrics/*.parquet` one "
        "row per run and evaluation; `adamcmp.load(STUDY)` returns both as DataFrames. Their "
        "column names are a public interface: a change requires a new schema version. Errors and "
        "accuracies are fractions; losses are means in nats (regression: in squared units of the "
        "target)."
    )
    roles = "\n".join(f"- `{role}`: {ROLES[role]}" for role in Role)
    dotted = [column for name, column in run_columns().items() if name not in RUN_COLUMNS]
    return markdown_page(
        "Columns",
        intro,
        f"The role of a column is\n\n{roles}",
        "## Runs\n\n" + _column_table(RUN_COLUMNS.values()),
        "## Settings of runs\n\n`runs` also has a column for every setting under its path. It is "
        "empty where the component does not have the setting. [Settings](settings.md) and "
        "[components](components.md) give the meaning.\n\n"
        + markdown_table(["column", "type"], [[f"`{c.name}`", _type_name(c)] for c in dotted]),
        "## Metrics\n\n" + _column_table(METRIC_COLUMNS.values()),
    )


#: What the columns of a role describe.
ROLES = {
    Role.IDENTITY: "identifies the run and the row;",
    Role.SETTING: "a requested setting;",
    Role.DERIVED: "a size that follows from the settings;",
    Role.OUTCOME: "a result of training, up to the end of the run or up to an evaluation;",
    Role.METRIC: "a measurement of the model;",
    Role.PROVENANCE: "the hardware, software and numerics that computed the run.",
}


def plot_list() -> str:
    """Return the page of the plots with their captions and options."""
    intro = (
        "`adamcmp plot NAME STUDY` writes one of these plots; a report has all that apply to its "
        "runs."
    )
    sections = []
    for name, plot in PLOTS.items():
        rows = [
            [f"`--{option}`", f"`{value}`" if value else ""]
            for option, value in plot.options.items()
        ]
        sections.append(
            f"## {name}\n\n{plot.title}.\n\n{one_line(plot.caption)}\n\n"
            + markdown_table(["option", "default"], rows)
        )
    return markdown_page("Plots", intro, *sections)


#: Classes of attributes of results: their modules and names.
PARTS_OF_RESULTS = {
    "adamcmp.execution.reservations": ("ProcessStatus",),
    "adamcmp.reporting.answer": ("Answer",),
    "adamcmp.reporting.rendering": ("RenderedPlot",),
    "adamcmp.reporting.tables": ("Table",),
    "adamcmp.workflows.importing.mapped_table": ("MappedTable",),
}


def python() -> str:
    """Return the page of the Python API, whose text Sphinx reads from the docstrings."""
    intro = (
        "`import adamcmp` provides the commands as functions; `adamcmp.analysis` has the measures "
        "and `adamcmp.plots` the plots. What this page does not list may change in any version."
    )
    errors = [name for name in adamcmp.__all__ if _is_error(getattr(adamcmp, name))]
    functions = [n for n in adamcmp.__all__ if inspect.isfunction(getattr(adamcmp, n))]
    results = [name for name in adamcmp.__all__ if name not in (*functions, *errors)]
    measures = [name for name in analysis.__all__ if name not in adamcmp.__all__]
    return markdown_page(
        "Python API",
        intro,
        "## Functions\n\n" + _autodoc("adamcmp", functions),
        "## Errors\n\n" + _autodoc("adamcmp", errors),
        "## Results of functions\n\n" + _autodoc("adamcmp", results),
        "## Parts of results\n\n"
        + "\n\n".join(_autodoc(m, n) for m, n in PARTS_OF_RESULTS.items()),
        "## Analysis\n\n" + _autodoc("adamcmp.analysis", measures),
        "## Plots\n\n" + _autodoc("adamcmp.plots", plots.__all__),
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "components": components,
    "columns": columns,
    "plots": plot_list,
    "python": python,
}


def _group_section(name: str, group: Group, descriptions: Mapping[str, str]) -> str:
    """Return the section of a config group: the settings of all its components, then each."""
    shared = [
        setting_row(group.base, field, f"{name}.", default(group.base, field))
        for field in group.base.model_fields
        if field not in ("name", "rule")
    ]
    listed = [[f"`{name}={component}`", text] for component, text in descriptions.items()]
    table = markdown_table(["setting", "default", "meaning"], shared)
    parts = [f"## {name}=", markdown_table(["component", "what it is"], listed)]
    parts += [f"Settings that all of them have:\n\n{table}"] if shared else []
    parts += [_component_section(name, group, component) for component in descriptions]
    return "\n\n".join(parts)


def _component_section(name: str, group: Group, component: str) -> str:
    """Return what a component computes, and its settings that the group's table does not give."""
    values = component_defaults(name, component)
    cls = group.component(values[group.name_field])
    rows = [
        setting_row(cls, field, f"{name}.", value)
        for field, value in values.items()
        if field not in ("name", "rule") and not _is_shared(group.base, field, value)
    ]
    table = markdown_table(["setting", "default", "meaning"], rows) if rows else ""
    return "\n\n".join(part for part in (f"### {component}", computation(cls), table) if part)


def _is_shared(base: type[Component], field: str, value: Any) -> bool:
    return field in base.model_fields and default(base, field) == value


def _column_table(columns: Iterable[Column]) -> str:
    rows = [
        [f"`{c.name}`", _type_name(c), c.unit, str(c.role), one_line(c.description)]
        for c in columns
    ]
    return markdown_table(["column", "type", "unit", "role", "content"], rows)


def _type_name(column: Column) -> str:
    return column.type.__name__ if isinstance(column.type, type) else str(column.type)


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
