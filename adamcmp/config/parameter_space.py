"""The parameter space of a sweep: fixed values, axes of a grid, and ranges to search."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adamcmp.config._hydra import Override
from adamcmp.config.sections import is_whole_number
from adamcmp.errors import ConfigError


@dataclass(frozen=True)
class Axis:
    """One axis of a grid: a key and its values, or several keys whose values change together.

    Attributes:
        keys: The full keys, including a leading ``+`` or ``~``.
        values: The values of the axis, each as one override per key.
    """

    keys: tuple[str, ...]
    values: tuple[tuple[Override, ...], ...]


@dataclass(frozen=True)
class DefaultRange:
    """A key whose values are the recommended range of the optimizer, as in ``lr=default``.

    Attributes:
        key: The full key.
        count: The number of values between the ends of the range; None takes those of the range.
        text: The override as typed.
    """

    key: str
    count: int | None
    text: str


@dataclass(frozen=True)
class SearchRange:
    """A range to search.

    Attributes:
        start: The lower end.
        end: The upper end.
        log: Whether to search on a log scale.
        integer: Whether its values are integers.
    """

    start: float
    end: float
    log: bool
    integer: bool

    def at(self, fraction: float) -> float:
        """Return the value at a fraction of the range (on a log scale if `log` is set).

        >>> SearchRange(1e-4, 1e-2, log=True, integer=False).at(0.5)
        0.001
        """
        if self.log:
            value = self.start * (self.end / self.start) ** fraction
        else:
            value = self.start + (self.end - self.start) * fraction
        return round(value) if self.integer else round_significant(value)


def round_significant(value: float) -> float:
    """Return a number rounded to six significant digits, which keeps settings readable."""
    return float(f"{value:.6g}")


def search_range(override: Override) -> SearchRange:
    """Return the range of an override with Hydra's ``interval``.

    It holds whole numbers if the setting does, or if both ends do, as in ``int(interval(3,5))``:
    Hydra's ``interval(3,5)`` has the ends 3.0 and 5.0.

    Raises:
        ConfigError: If the ends are in the wrong order, not positive on a log scale, or not whole
            for a setting of whole numbers.
    """
    interval: Any = override.value()
    text = override.input_line
    if interval.tags - {"log"}:
        raise ConfigError(f"{text}: the only tag of an interval is log.")
    log = "log" in interval.tags
    if not interval.start < interval.end:
        raise ConfigError(f"{text}: the first end of an interval should be below the second.")
    if log and interval.start <= 0:
        raise ConfigError(f"{text}: both ends of an interval on a log scale should be above 0.")
    ends = (interval.start, interval.end)
    integer = all(isinstance(end, int) for end in ends)
    if is_whole_number(override.key_or_group):
        if not all(float(end).is_integer() for end in ends):
            raise ConfigError(f"{text}: both ends should be whole numbers.")
        integer = True
    start, end = map(int, ends) if integer else ends
    return SearchRange(start, end, log, integer)


@dataclass(frozen=True)
class ParameterSpace:
    """The parameter space that overrides define.

    Attributes:
        entries: Overrides, axes and recommended ranges, in the order typed. The number of runs and
            the runs themselves are those of a space without recommended ranges; see
            `recommended_ranges.grid_parts`.
        notices: What the user should know about the overrides.
    """

    entries: tuple[Override | Axis | DefaultRange, ...]
    notices: tuple[str, ...] = ()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the grid. Runs are their product, the last axis fastest."""
        return tuple(entry for entry in self.entries if isinstance(entry, Axis))

    @property
    def fixed(self) -> tuple[Override, ...]:
        """The overrides with one value."""
        return tuple(o for o in self._overrides if not o.is_sweep_override())

    @property
    def intervals(self) -> tuple[Override, ...]:
        """The overrides with an interval, which has no list of values."""
        return tuple(o for o in self._overrides if o.is_sweep_override())

    @property
    def default_ranges(self) -> tuple[DefaultRange, ...]:
        """The recommended ranges."""
        return tuple(entry for entry in self.entries if isinstance(entry, DefaultRange))

    @property
    def ranges(self) -> dict[str, SearchRange]:
        """The ranges of the intervals, by key.

        Raises:
            ConfigError: See `search_range`.
        """
        return {override.get_key_element(): search_range(override) for override in self.intervals}

    @property
    def _overrides(self) -> tuple[Override, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, Override))

    def __len__(self) -> int:
        """Return the number of runs of the grid."""
        return math.prod(len(axis.values) for axis in self.axes)

    def at(self, positions: Mapping[int, int]) -> list[Override]:
        """Return the fixed overrides and the values of some axes, in the order typed.

        Args:
            positions: The position on each axis, by index of the axis. Other axes are left out.
        """
        # By identity: axes hold overrides of Hydra, which are not hashable.
        axes = {id(axis): i for i, axis in enumerate(self.axes)}
        overrides: list[Override] = []
        for entry in self.entries:
            if isinstance(entry, Override):
                overrides.append(entry)
            elif isinstance(entry, Axis) and axes[id(entry)] in positions:
                overrides += entry.values[positions[axes[id(entry)]]]
        return overrides

    def with_choice(
        self, axes: Sequence[Axis], choice: Sequence[tuple[Override, ...]]
    ) -> ParameterSpace:
        """Return the space with some of its axes replaced by one of their values each."""
        chosen = {id(axis): value for axis, value in zip(axes, choice, strict=True)}
        entries = (chosen.get(id(entry), (entry,)) for entry in self.entries)
        return replace(self, entries=tuple(itertools.chain(*entries)))

    def other_overrides(self, axis: Axis) -> list[Override]:
        """Return one override for each key that `axis` does not set."""
        others = (entry for entry in self.entries if entry is not axis)
        firsts = (e.values[0] if isinstance(e, Axis) else (e,) for e in others)
        return [o for o in itertools.chain(*firsts) if isinstance(o, Override)]
