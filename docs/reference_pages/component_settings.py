"""What a component computes, and its settings, from its class."""

from __future__ import annotations

import inspect
import json
import re
import typing
from typing import Any

from adamcmp.components.registry import Component
from reference_pages.markdown import one_line

#: Hydra's sign for a value that the user must give.
MISSING = "???"


def setting_row(cls: type[Component], field: str, prefix: str, default: Any) -> list[str]:
    """Return the row of a setting: its key, its default value, its meaning."""
    meaning = re.sub(r"\bNone\b", "`null`", one_line(_meanings(cls)[field]))
    info = cls.model_fields.get(field)
    choices = [f"`{choice}`" for choice in _choices(info.annotation)] if info else []
    if not all(choice in meaning for choice in choices):
        meaning += f" One of {', '.join(choices)}."
    return [f"`{prefix}{field}`", _value(default), meaning]


def computation(cls: type[Component]) -> str:
    """Return the docstring of a class without examples and attributes."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[0].strip()
    paragraphs = (p for p in text.split("\n\n") if not p.startswith(">>>"))
    return "\n\n".join(map(one_line, paragraphs))


def default(cls: type[Component], field: str) -> Any:
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
