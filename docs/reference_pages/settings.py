"""The settings and the components, with the meanings that the docstrings of their classes give."""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml

from adamcmp.components.names import OPTIONAL_GROUPS, OPTIONS_OF
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
    optimizer_ranges,
)
from adamcmp.workflows.components import list_components
from reference_pages.markdown import markdown_section, markdown_table, one_line

#: Hydra's sign for a value that the user must give.
MISSING = "???"
#: Fields that are set by the name of the component.
_SELECTED_BY_NAME = ("name", "rule")
#: The classes that hold the settings of a run, and the prefix of their keys.
RUN_SETTINGS: dict[str, dict[type[Component], str]] = {
    "Budget, batches and evaluations": {Protocol: "", Eval: "eval."},
    "Numerics": {Numerics: ""},
    "Distribution of the work": {Execution: ""},
    "Search": {Search: ""},
    "Results": {ResultsLocation: ""},
}


def setting_sections() -> list[str]:
    """Return the short keys, then the settings that do not belong to a component."""
    short_keys = [[f"`{key}`", f"`{full}`"] for key, full in SHORT_KEYS.items() if "." not in key]
    table = markdown_table(["short key", "setting"], short_keys)
    sections = [markdown_section("Short keys", table)]
    defaults = yaml.safe_load((files("adamcmp.configs") / "config.yaml").read_text("utf-8"))
    for title, classes in RUN_SETTINGS.items():
        rows = []
        for cls, prefix in classes.items():
            section = defaults["eval"] if prefix else defaults
            # The yaml file selects a config group that is null in its list of defaults.
            nulls = dict.fromkeys(OPTIONAL_GROUPS)
            values = {field: (nulls | section)[field] for field in cls.model_fields}
            scalars = {field: v for field, v in values.items() if not isinstance(v, dict)}
            rows += _setting_rows(cls, prefix, scalars)
        sections.append(markdown_section(title, _settings_table(rows)))
    return sections


def component_sections() -> list[str]:
    """Return the components of every config group that has components of its own."""
    return [
        _group_section(name, group, list_components(name)[name])
        for name, group in CONFIG_GROUPS.items()
        if name not in OPTIONS_OF
    ]


def _group_section(name: str, group: Group, descriptions: Mapping[str, str]) -> str:
    """Return the section of a config group: the settings of all its components, then each."""
    base = group.base
    defaults = {field: _default(base, field) for field in base.model_fields}
    shared = _setting_rows(base, f"{name}.", defaults)
    listed = [[f"`{name}={component}`", text] for component, text in descriptions.items()]
    return markdown_section(
        f"{name}=",
        markdown_table(["component", "description"], listed),
        *(
            f"`{also}=` has the same components and settings, and is `null` by default."
            for also, options in OPTIONS_OF.items()
            if options == name
        ),
        *(
            [f"Settings of all components of this group:\n\n{_settings_table(shared)}"]
            if shared
            else []
        ),
        *([_ranges(descriptions)] if name == "optimizer" else []),
        *(_component_section(name, group, component) for component in descriptions),
    )


def _ranges(optimizers: Iterable[str]) -> str:
    """Return the recommended ranges of optimizers."""
    rows = []
    for name in optimizers:
        ranges = optimizer_ranges(name)
        values = [f"`{ranges[key]}`" if key in ranges else "–" for key in ("lr", "weight_decay")]
        rows.append([f"`{name}`", *values, ranges.get("source", "")])
    return (
        "Recommended ranges, which `lr=default` and `wd=default` "
        "[expand to](../guides/grids.md#recommended-ranges):\n\n"
    ) + markdown_table(["optimizer", "lr", "wd", "source"], rows)


def _component_section(name: str, group: Group, component: str) -> str:
    """Return what a component computes, and its settings that the group's table does not give."""
    values = component_defaults(name, component)
    cls = group.component(values[group.name_field])
    special = {f: value for f, value in values.items() if not _is_shared(group.base, f, value)}
    rows = _setting_rows(cls, f"{name}.", special)
    parts = (f"### {component}", _computation(cls), _settings_table(rows) if rows else "")
    return "\n\n".join(part for part in parts if part)


def _is_shared(base: type[Component], field: str, value: Any) -> bool:
    return field in base.model_fields and _default(base, field) == value


def _settings_table(rows: Sequence[Sequence[str]]) -> str:
    return markdown_table(["setting", "default", "meaning"], rows)


def _setting_rows(
    cls: type[Component], prefix: str, defaults: Mapping[str, Any]
) -> list[list[str]]:
    """Return the rows of settings: key, default value, meaning."""
    return [
        _setting_row(cls, field, prefix, value)
        for field, value in defaults.items()
        if field not in _SELECTED_BY_NAME
    ]


def _setting_row(cls: type[Component], field: str, prefix: str, default: Any) -> list[str]:
    meaning = re.sub(r"\bNone\b", "`null`", one_line(_meanings(cls)[field]))
    info = cls.model_fields.get(field)
    choices = [f"`{choice}`" for choice in _choices(info.annotation)] if info else []
    if not all(choice in meaning for choice in choices):
        meaning += f" One of {', '.join(choices)}."
    return [f"`{prefix}{field}`", _value(default), meaning]


def _computation(cls: type[Component]) -> str:
    """Return the docstring of a class without examples and attributes."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[0].strip()
    paragraphs = (p for p in text.split("\n\n") if not p.startswith(">>>"))
    return "\n\n".join(map(one_line, paragraphs))


def _default(cls: type[Component], field: str) -> Any:
    """Return the default value of a field; `MISSING` if there is none."""
    info = cls.model_fields[field]
    return MISSING if info.is_required() else info.default


def _meanings(cls: type[Component]) -> dict[str, str]:
    """Return the meaning of each field, from the docstrings of the class and its bases."""
    meanings: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        _, _, section = inspect.cleandoc(vars(base).get("__doc__") or "").partition("Attributes:\n")
        entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
        meanings |= {name: " ".join(text.split()) for name, text in entries}
    return meanings


def _value(value: Any) -> str:
    """Return a value as an override has it."""
    if value == MISSING:
        return "required"
    if isinstance(value, bool) or value is None:
        return f"`{json.dumps(value)}`"
    if isinstance(value, tuple | list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`"


def _choices(annotation: Any) -> list[str]:
    """Return the values of a ``Literal``, which may be part of a union."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return [str(value) for value in arguments]
    return [value for argument in arguments for value in _choices(argument)]
