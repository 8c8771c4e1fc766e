"""The values that a setting can take, where they can be listed: what a shell completes."""

from __future__ import annotations

import typing
from typing import Any, Literal

from adamcmp.components.registry import Component, lookup, names
from adamcmp.config.overrides import SHORT
from adamcmp.config.settings import FLAT, GROUPS, Eval


def choices(key: str) -> list[str]:
    """Return the values of a setting, given under its dotted path or short key, in any part."""
    group, _, field = SHORT.get(key, key).rpartition(".")
    if group in GROUPS:
        room, base, _ = GROUPS[group]
        owners = [lookup(room, name, base) for name in names(room)]
    else:
        sections: dict[str, list[type[Component]]] = {"": list(FLAT.values()), "eval": [Eval]}
        owners = sections.get(group, [])
    fields = [owner.model_fields[field] for owner in owners if field in owner.model_fields]
    return list(dict.fromkeys(value for one in fields for value in _listed(one.annotation)))


def _listed(annotation: Any) -> list[str]:
    if annotation is bool:
        return ["true", "false"]
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal:
        return [str(value) for value in arguments]
    return [value for argument in arguments for value in _listed(argument)]
