"""The allowed values of a setting, if they can be listed, for shell completion."""

from __future__ import annotations

import typing
from typing import Any, Literal

from adamcmp.components.groups import CONFIG_GROUPS
from adamcmp.components.registry import Component
from adamcmp.config.overrides import SHORT_KEYS
from adamcmp.config.protocol import Eval
from adamcmp.config.sections import TOP_LEVEL_SECTIONS


def choices(key: str) -> list[str]:
    """Return the allowed values of a setting, from its dotted path or short key.

    The list covers all components of the config group.
    """
    prefix, _, field = SHORT_KEYS.get(key, key).rpartition(".")
    classes: list[type[Component]] = []
    if prefix in CONFIG_GROUPS:
        group = CONFIG_GROUPS[prefix]
        classes = [group.component(name) for name in group.names]
    elif not prefix:
        classes = list(TOP_LEVEL_SECTIONS.values())
    elif prefix == "eval":
        classes = [Eval]
    fields = [cls.model_fields[field] for cls in classes if field in cls.model_fields]
    return list(dict.fromkeys(value for one in fields for value in _values(one.annotation)))


def _values(annotation: Any) -> list[str]:
    if annotation is bool:
        return ["true", "false"]
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal:
        return [str(value) for value in arguments]
    return [value for argument in arguments for value in _values(argument)]
