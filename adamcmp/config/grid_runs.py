"""The runs of a grid, without composing a config for each.

Hydra composes once per choice of config groups, and of whatever else is no plain value. Plain
values are then set in the composed plain values; what runs share is validated once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override

from adamcmp.config.grid import Axis
from adamcmp.config.settings import SECTIONS, Asked, assemble, build_section, section, sections


class Points:
    """Runs that differ in plain values of one composed config.

    Args:
        values: The config's plain values.
        axes: The values that are set in them.
        grid: Whether there are other runs than these.
    """

    def __init__(self, values: Mapping[str, Any], axes: Sequence[Axis], grid: bool) -> None:
        self._values, self._axes, self._grid = sections(values), axes, grid
        self._touching = {
            name: [i for i, axis in enumerate(axes) if name in map(section, axis.keys)]
            for name in SECTIONS
        }
        self._made: dict[tuple[str, tuple[int, ...]], Any] = {}

    def at(self, point: Sequence[int]) -> Asked:
        """Return the run with the values at these positions of the axes.

        Raises:
            ConfigError: When a value is wrong, or parts do not go together.
        """
        return assemble({name: self._section(name, point) for name in SECTIONS})

    def _section(self, name: str, point: Sequence[int]) -> Any:
        """Return a validated section; runs that agree in its values share it."""
        touching = self._touching[name]
        key = name, tuple([point[i] for i in touching])
        if key not in self._made:
            values = copy.deepcopy(self._values[name])
            for i in touching:
                for override in self._axes[i].points[point[i]]:
                    if section(override.key_or_group) == name:
                        _put(values, override)
            if name == "optimizer" and self._grid:
                _without_idle_decay(values)
            self._made[key] = build_section(name, values)
        return self._made[key]


def settable(override: Override, values: Mapping[str, Any]) -> bool:
    """Return whether a plain value takes the place of a plain value."""
    *parents, last = override.key_or_group.split(".")
    for parent in parents:
        values = values[parent]
    return not isinstance(values[last], Mapping)


def plain(override: Override) -> bool:
    """Return whether a word sets a plain value: nothing added, deleted, merged or referred to."""
    value = override.value()
    members = value if isinstance(value, list) else [value]
    return (
        not (override.is_add() or override.is_force_add() or override.is_delete())
        and override.package is None
        and all(member is None or isinstance(member, int | float | str) for member in members)
        and not any(isinstance(member, str) and "${" in member for member in members)
    )


def overlap(one: str, other: str) -> bool:
    """Return whether two dotted keys are about the same value, or one about a part of it."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _put(values: dict[str, Any], override: Override) -> None:
    *parents, last = override.key_or_group.split(".")
    for parent in parents:
        values = values[parent]
    values[last] = override.value()


def _without_idle_decay(values: dict[str, Any]) -> None:
    """Set weight decay to 0 for an optimizer that does not decay.

    In a grid with others that do it means nothing; its points then are the same run, once. A
    single run that asks for it is refused instead.
    """
    optimizer = values.get("optimizer")
    if isinstance(optimizer, dict) and optimizer.get("coupling") == "none":
        optimizer["weight_decay"] = 0.0
