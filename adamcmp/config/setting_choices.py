"""The allowed values of a setting, if they can be listed, for shell completion."""

from __future__ import annotations

import typing
from typing import Any, Literal

from adamcmp.config.overrides import SHORT_KEYS
from adamcmp.config.sections import fields_of


def choices(key: str) -> list[str]:
    """Return the allowed values of a setting, from its dotted path or short key.

    The list covers all components of the config group.
    """
    fields = fields_of(SHORT_KEYS.get(key, key))
    return list(dict.fromkeys(value for one in fields for value in _values(one.annotation)))


def _values(annotation: Any) -> list[str]:
    if annotation is bool:
        return ["true", "false"]
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal:
        return [str(value) for value in arguments]
    return [value for argument in arguments for value in _values(argument)]
