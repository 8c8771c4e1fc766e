"""Predict the fastest group widths and the training times from timings of this machine.

Predictions never change a run's numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adamcmp.config import Numerics
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.run_kinds import RunKind
from adamcmp.planning.specs import RunSpec
from adamcmp.planning.timings import Timings, cache_timings, cached_timings

#: Group widths that are measured, by device. On a CPU, wider groups exceed the caches.
WIDTHS = {"cpu": (1, 2, 4, 8, 16, 32), "cuda": (1, 8, 32, 128, 512)}
#: Seconds that a worker process takes to start, mostly to import torch.
START_SECONDS = 3.0


def sum_if_known(seconds: Iterable[float | None]) -> float | None:
    """Return the sum of predicted times; None if one of them is unknown.

    >>> sum_if_known([1.0, 2.0]), sum_if_known([1.0, None])
    (3.0, None)
    """
    values = list(seconds)
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


@dataclass(frozen=True)
class CostModel:
    """Predicted times of groups.

    Attributes:
        run_kinds: The kinds of runs, by key.
        timings: Timings of the kinds that were measured, by key.
        workers: Number of groups trained at once.
        upper_bound: Whether compiled steps have the timings of another engine, as an upper bound.
    """

    run_kinds: Mapping[str, RunKind] = field(default_factory=dict)
    timings: Mapping[str, Timings] = field(default_factory=dict)
    workers: int = 1
    upper_bound: bool = False

    def width(self, specs: Sequence[RunSpec]) -> int:
        """Return the fastest measured group width for runs of one kind.

        With several worker processes, the width is limited so that each gets several groups.
        """
        timings = self._timings(specs[0])
        # With one group per process, all would wait for the slowest group.
        groups = 2 * self.workers if self.workers > 1 else 1
        return timings.fastest_width(max(len(specs) // groups, 1)) if timings else 1

    def seconds(self, group: LaneGroup) -> float | None:
        """Return the predicted time of a group; None if its kind was not measured."""
        timings, lanes = self._timings(group.specs[0]), len(group.specs)
        if timings is None:
            return None
        run_kind = self.run_kinds[group.specs[0].run_kind]
        return lanes * timings.run_seconds(lanes, run_kind.steps, run_kind.evaluations)

    def total_seconds(self, groups: Iterable[LaneGroup]) -> float | None:
        """Return the predicted time of all groups, including start-up; None if one is unknown.

        The prediction is a lower bound: the longest group's time, or the total time divided by the
        number of worker processes if that is larger. Longest-first order takes at most a third
        longer than the best order (Graham 1969, SIAM Journal on Applied Mathematics 17(2),
        416-429).
        """
        seconds = [self.seconds(group) for group in groups]
        if (total := sum_if_known(seconds)) is None:
            return None
        longest = max(filter(None, seconds), default=0.0)
        return START_SECONDS + max(total / self.workers, longest)

    def longest_first(self, groups: Iterable[LaneGroup]) -> tuple[LaneGroup, ...]:
        """Sort groups by predicted time, longest first; groups of unknown time precede all."""

        def length(group: LaneGroup) -> float:
            seconds = self.seconds(group)
            return math.inf if seconds is None else seconds

        return tuple(sorted(groups, key=length, reverse=True))

    def _timings(self, spec: RunSpec) -> Timings | None:
        return self.timings.get(spec.run_kind)


def known_timings(run_kinds: Mapping[str, RunKind], numerics: Numerics) -> dict[str, Timings]:
    """Return the cached timings of kinds of runs, by run kind key."""
    cached = cached_timings()
    keys = {key: run_kind.timing_key(numerics) for key, run_kind in run_kinds.items()}
    return {key: cached[timing_key] for key, timing_key in keys.items() if timing_key in cached}


def keep_timings(
    run_kinds: Mapping[str, RunKind], numerics: Numerics, timings: Mapping[str, Timings]
) -> None:
    """Cache measured timings, passed by run kind key."""
    cache_timings({run_kinds[key].timing_key(numerics): t for key, t in timings.items()})
