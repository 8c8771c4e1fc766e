"""How wide groups are fastest, and how long they take, from timings measured on this machine.

Nothing here can change a run's numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adamcmp.config import Numerics
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.run_kinds import RunKind, kind_key
from adamcmp.planning.specs import RunSpec
from adamcmp.planning.timings import Timings, cache_timings, cached_timings

#: Widths of groups that are measured, by device. On a CPU wider groups outgrow the caches.
WIDTHS = {"cpu": (1, 2, 4, 8, 16, 32), "cuda": (1, 8, 32, 128, 512)}
#: Seconds until a worker trains: the import of torch, mostly.
START_SECONDS = 3.0


@dataclass(frozen=True)
class CostModel:
    """Predicted times of groups.

    Attributes:
        kinds: The kinds of runs, by key.
        timings: Timings of these kinds; a kind that was not measured is missing.
        workers: Number of groups that are trained at once.
        upper_bound: Whether timings are those of eager steps that have yet to be compiled.
    """

    kinds: Mapping[str, RunKind] = field(default_factory=dict)
    timings: Mapping[str, Timings] = field(default_factory=dict)
    workers: int = 1
    upper_bound: bool = False

    def width(self, specs: Sequence[RunSpec]) -> int:
        """Return the best width of groups for some runs of one kind: the fastest one measured.

        With several workers each should get several groups, if there are enough runs.
        """
        timings = self._timings(specs[0])
        shares = 2 * self.workers if self.workers > 1 else 1
        return timings.fastest_width(max(len(specs) // shares, 1)) if timings else 1

    def seconds(self, group: LaneGroup) -> float | None:
        """Return the predicted time of a group; None if its kind was not measured."""
        kind = self.kinds[kind_key(group.specs[0].config)]
        timings, lanes = self._timings(group.specs[0]), len(group.specs)
        if timings is None:
            return None
        return lanes * timings.run_seconds(lanes, kind.steps, kind.evaluations)

    def total_seconds(self, groups: Iterable[LaneGroup]) -> float | None:
        """Return the predicted time of all groups, the start included; None if one is unknown.

        It is the longest group's time, or all groups' time divided by the workers: a lower bound,
        which longest-first order exceeds by a third at most (Graham 1969, SIAM Journal on Applied
        Mathematics 17(2), 416-429).
        """
        seconds = [self.seconds(group) for group in groups]
        known = [s for s in seconds if s is not None]
        if len(known) < len(seconds):
            return None
        return START_SECONDS + max(sum(known) / self.workers, max(known, default=0.0))

    def longest_first(self, groups: Iterable[LaneGroup]) -> tuple[LaneGroup, ...]:
        """Return groups in the order in which workers take them; unknown times come first."""

        def length(group: LaneGroup) -> float:
            seconds = self.seconds(group)
            return math.inf if seconds is None else seconds

        return tuple(sorted(groups, key=length, reverse=True))

    def _timings(self, spec: RunSpec) -> Timings | None:
        return self.timings.get(kind_key(spec.config))


def known_timings(kinds: Mapping[str, RunKind], numerics: Numerics) -> dict[str, Timings]:
    """Return the cached timings of some kinds, by kind key."""
    cached = cached_timings()
    keys = {key: kind.timing_key(numerics) for key, kind in kinds.items()}
    return {key: cached[timing_key] for key, timing_key in keys.items() if timing_key in cached}


def keep_timings(
    kinds: Mapping[str, RunKind], numerics: Numerics, timings: Mapping[str, Timings]
) -> None:
    """Cache measured timings, given by kind key."""
    cache_timings({kinds[key].timing_key(numerics): t for key, t in timings.items()})
