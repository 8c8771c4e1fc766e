"""Build the runs of a grid without composing a config for each run.

Hydra composes once per choice of config groups and of values that are not plain. Plain values are
then set in the composed values. Sections that runs share are validated once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adamcmp.components.trusted_code import NO_CODE, TrustedCode, trusting
from adamcmp.config._hydra import Override
from adamcmp.config.decay_product import with_weight_decay
from adamcmp.config.parameter_space import Axis
from adamcmp.config.sections import (
    SECTIONS,
    ComposedRun,
    assemble,
    build_section,
    section_of,
    split_sections,
)


class GridRuns:
    """Runs that differ in plain values of one composed config.

    Args:
        values: The plain values of the composed config.
        axes: The axes whose values are set in `values`.
        in_grid: Whether these runs are part of a grid of several runs.
        code: The code that `values` and `axes` may name.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        axes: Sequence[Axis],
        in_grid: bool,
        code: TrustedCode = NO_CODE,
    ) -> None:
        self._values, self._axes, self._in_grid = split_sections(values), axes, in_grid
        self._code = code
        #: The axes that set a value of each section.
        self._section_axes = {
            name: [i for i, axis in enumerate(axes) if name in map(section_of, axis.keys)]
            for name in SECTIONS
        }
        self._built: dict[tuple[str, tuple[int, ...]], Any] = {}

    def at(self, positions: Sequence[int]) -> ComposedRun:
        """Return the run at a position on each axis.

        Raises:
            ConfigError: If a value is invalid, or the loss does not fit the dataset.
        """
        sections = {name: self._section(name, positions) for name in SECTIONS}
        return assemble(sections, self._in_grid)

    def _section(self, name: str, positions: Sequence[int]) -> Any:
        """Return a validated section; runs with equal values share one object."""
        axes = self._section_axes[name]
        key = name, tuple([positions[i] for i in axes])
        if key not in self._built:
            values: Mapping[str, Any] = self._values[name]
            for i in axes:
                for override in self._axes[i].values[positions[i]]:
                    if section_of(override.key_or_group) == name:
                        path = override.key_or_group.split(".")
                        values = _with_value(values, path, override.value())
            if name == "optimizer":
                values = with_weight_decay(values)
                values = _without_unused_decay(values) if self._in_grid else values
            with trusting(self._code):
                self._built[key] = build_section(name, values)
        return self._built[key]


def replaces_plain_value(override: Override, values: Mapping[str, Any]) -> bool:
    """Return whether an override's key holds a plain value, not a mapping, in `values`."""
    *parents, last = override.key_or_group.split(".")
    for parent in parents:
        values = values.get(parent, {})  # the key of a parameter group may be new
    return not isinstance(values.get(last), Mapping)


def sets_plain_value(override: Override) -> bool:
    """Return whether an override only sets a plain value.

    Additions, deletions, mappings and references are not plain.
    """
    value = override.value()
    members = value if isinstance(value, list) else [value]
    return (
        not (override.is_add() or override.is_force_add() or override.is_delete())
        and override.package is None
        and all(member is None or isinstance(member, int | float | str) for member in members)
        and not any(isinstance(member, str) and "${" in member for member in members)
    )


def keys_overlap(one: str, other: str) -> bool:
    """Return whether two dotted keys are equal, or one is within the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _with_value(values: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """Return nested values with the value at a path replaced."""
    first, *rest = path
    return {**values, first: _with_value(values.get(first, {}), rest, value) if rest else value}


def _without_unused_decay(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return values with weight decay 0 if the optimizer has no coupling.

    In a grid with other optimizers, its runs with different weight decay then become one run.
    Outside a grid, such a weight decay is rejected.
    """
    optimizer = values.get("optimizer")
    if isinstance(optimizer, dict) and optimizer.get("coupling") in ("none", "norm"):
        return _with_value(values, ["optimizer", "weight_decay"], 0.0)
    return values
