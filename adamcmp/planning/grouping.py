"""Group runs that are trained as lanes of one batched computation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from adamcmp.planning.specs import RunSpec

#: Returns the largest width of a group for runs of one kind.
Width = Callable[[Sequence[RunSpec]], int]


@dataclass(frozen=True)
class LaneGroup:
    """Runs of one kind and one dataset that are trained together.

    Any numeric setting may differ by lane.

    Attributes:
        specs: The runs, one per lane.
    """

    specs: tuple[RunSpec, ...]

    @property
    def fused(self) -> bool:
        """Whether the lanes are one batched computation; if not, the group has one lane."""
        return self.specs[0].fuses

    @property
    def run_ids(self) -> frozenset[str]:
        """The ids of the runs."""
        return frozenset(spec.run_id for spec in self.specs)

    @property
    def group_id(self) -> str:
        """16 hexadecimal digits that depend only on the set of runs."""
        return hashlib.sha256(" ".join(sorted(self.run_ids)).encode()).hexdigest()[:16]

    def halves(self) -> tuple[Self, Self]:
        """Return the two halves of a group of several lanes."""
        middle = (len(self.specs) + 1) // 2
        return type(self)(self.specs[:middle]), type(self)(self.specs[middle:])


def resumed_groups(
    specs: Sequence[RunSpec], checkpoints: Iterable[Collection[str]], width: Width
) -> tuple[LaneGroup, ...]:
    """Group runs; runs that share a checkpoint stay together.

    Args:
        specs: The runs.
        checkpoints: The run ids of each checkpoint.
        width: The largest width of a new group.
    """
    remaining = {spec.run_id: spec for spec in specs}
    resumed = []
    for run_ids in checkpoints:
        # Sorted, since the order of a set of texts differs between processes.
        if members := sorted(remaining.keys() & set(run_ids)):
            resumed.append(LaneGroup(tuple(remaining.pop(run_id) for run_id in members)))
    return (*resumed, *group_runs(list(remaining.values()), width))


def group_runs(specs: Sequence[RunSpec], width: Width) -> tuple[LaneGroup, ...]:
    """Group runs evenly, at most `width` lanes each, in the order of each group's first run.

    The lanes of a group share their data in memory. With ``data_seed=seed``, runs of different
    seeds are in different groups.
    """
    groups = []
    for run_kind in _split_by(specs, lambda spec: spec.run_kind):
        widest = width(run_kind) if run_kind[0].fuses else 1
        for members in _split_by(run_kind, lambda spec: spec.config.run_dataset.data_seed):
            count = -(-len(members) // widest)
            cuts = [len(members) * i // count for i in range(count + 1)]
            groups += [LaneGroup(tuple(members[a:b])) for a, b in pairwise(cuts)]
    return tuple(groups)


def _split_by(
    specs: Sequence[RunSpec], key: Callable[[RunSpec], str | None]
) -> Iterable[list[RunSpec]]:
    """Return the runs of each value of a key, in the order of their first runs."""
    parts: dict[str | None, list[RunSpec]] = {}
    for spec in specs:
        parts.setdefault(key(spec), []).append(spec)
    return parts.values()
