"""Recommended ranges of an optimizer's hyperparameters: ``lr=default`` and ``wd=default``.

The entry ``search`` of an optimizer's yaml file holds them:

    search:
      lr: logspace(1e-4,1e-1,7)
      weight_decay: logspace(1e-4,1,5)
      source: torch's defaults, two decades to each side
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adamcmp.config._hydra import Override
from adamcmp.config.compose import ConfigComposer
from adamcmp.config.overrides import Grammar, shorten_key
from adamcmp.config.parameter_space import Axis, DefaultRange, ParameterSpace
from adamcmp.errors import ConfigError

#: Settings that change the meaning of a weight decay, and so of its range.
_MEANING = ("optimizer.coupling", "optimizer.normalized")


def grid_parts(space: ParameterSpace, composer: ConfigComposer) -> list[ParameterSpace]:
    """Return grids without recommended ranges, whose runs are together those of a grid.

    With recommended ranges, there is one for each choice of config groups, since each optimizer has
    its own ranges.

    Args:
        space: The grid.
        composer: Composes its config groups.

    Raises:
        ConfigError: If an optimizer has no recommended range.
    """
    if not space.default_ranges:
        return [space]
    groups = [
        axis
        for axis in space.axes
        if any(composer.chooses_option(override) for value in axis.values for override in value)
    ]
    choices = itertools.product(*(axis.values for axis in groups))
    return [with_ranges(space.with_choice(groups, choice), composer) for choice in choices]


def with_ranges(
    space: ParameterSpace, composer: ConfigComposer, *, search: bool = False
) -> ParameterSpace:
    """Return a space with recommended ranges replaced by their values.

    Args:
        space: A space in which no config group is varied.
        composer: Composes its config groups.
        search: Whether to replace them by intervals instead.

    Raises:
        ConfigError: If the optimizer has no recommended range.
    """
    if not space.default_ranges:
        return space
    choice = [override for override in space.fixed if composer.chooses_option(override)]
    ranges = _RecommendedRanges(
        composer.grammar,
        composer.base(choice).get("optimizer") or {},
        composer.recommended_ranges(choice),
    )
    entries = [
        ranges.replaced(entry, space, search) if isinstance(entry, DefaultRange) else entry
        for entry in space.entries
    ]
    return replace(space, entries=tuple(entries))


class _RecommendedRanges:
    """The recommended ranges of one optimizer.

    Args:
        grammar: Parses ranges.
        optimizer: The values of the optimizer's yaml file.
        ranges: Its entry ``search``.
    """

    def __init__(
        self, grammar: Grammar, optimizer: Mapping[str, Any], ranges: Mapping[str, Any]
    ) -> None:
        self._grammar, self._optimizer, self._ranges = grammar, optimizer, ranges

    def replaced(
        self, default: DefaultRange, space: ParameterSpace, search: bool
    ) -> Axis | Override:
        """Return the values of a recommended range, for a search as an interval.

        Args:
            default: The range.
            space: The space that it is part of.
            search: Whether to return an interval.

        Raises:
            ConfigError: If there is none, or it is for another coupling than that of the space.
        """
        numbers = self._numbers(default)
        if default.key == "optimizer.weight_decay":
            self._check_coupling(default, space)
        positive = sorted(number for number in numbers if number > 0)
        low, high = (positive[0], positive[-1]) if positive else (0.0, 0.0)
        if search and default.count is not None:
            raise ConfigError(
                f"{default.text}: a search takes the ends of the range, as in "
                f"{shorten_key(default.key)}=default."
            )
        if search:
            text = f"tag(log,interval({low!r},{high!r}))" if low < high else repr(numbers[0])
            return self._grammar.parse(f"{default.key}={text}")
        if default.count is not None and low < high:
            return self._axis(default.key, f"logspace({low!r},{high!r},{default.count})")
        return self._axis(default.key, ",".join(map(repr, numbers)))

    def _numbers(self, default: DefaultRange) -> list[float]:
        """Return the values of a range in the yaml file."""
        name, field = self._optimizer.get("name"), default.key.rpartition(".")[2]
        if field == "weight_decay" and self._optimizer.get("coupling") in ("none", "norm"):
            return [0.0]
        short = shorten_key(default.key)
        if field not in self._ranges:
            raise ConfigError(
                f"{default.text}: optimizer={name} has no recommended range: give {short}= values."
            )
        value = self._ranges[field]
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        try:
            values: list[Any] = [o.value() for (o,) in self._axis(default.key, text).values]
        except ConfigError as error:
            raise ConfigError(f"The recommended range of optimizer={name}: {error}") from None
        if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            raise ConfigError(
                f"The recommended range of optimizer={name}: {short}={text} should be numbers."
            )
        return list(map(float, values))

    def _axis(self, key: str, text: str) -> Axis:
        override = self._grammar.parse(f"{key}={text}")
        values = (
            self._grammar.expand_sweep(override) if override.is_sweep_override() else [override]
        )
        return Axis((override.get_key_element(),), tuple((value,) for value in values))

    def _check_coupling(self, default: DefaultRange, space: ParameterSpace) -> None:
        """Check that the space does not change the meaning of the weight decay."""
        varied = (override for axis in space.axes for value in axis.values for override in value)
        for override in (*space.fixed, *varied):
            if override.key_or_group not in _MEANING:
                continue
            field = override.key_or_group.rpartition(".")[2]
            if override.value() != self._optimizer.get(field):
                raise ConfigError(
                    f"{default.text}: the recommended range of "
                    f"optimizer={self._optimizer.get('name')} is for "
                    f"{field}={str(self._optimizer.get(field)).lower()}, not for "
                    f"{override.input_line}: give wd= values."
                )
