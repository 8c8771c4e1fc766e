"""From runs to groups that are trained as lanes of one batched computation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from adamcmp.plan import RunSpec

#: Lanes of a group, so that their state stays in the processor's caches.
WIDTH = 8


@dataclass(frozen=True)
class LaneGroup:
    """Runs that share all shapes and all structure; every number may differ from lane to lane.

    Attributes:
        specs: The runs, one a lane.
        fused: Whether the lanes are one batched computation (else there is one lane).
    """

    specs: tuple[RunSpec, ...]
    fused: bool = False


@dataclass(frozen=True)
class Task:
    """A group to train.

    Attributes:
        group: The runs.
        checkpoint: File that the group goes on from where it exists, and is kept in on the way.
        checkpoint_every: Seconds between checkpoints.
        source: A checkpoint of more runs than these, that the group goes on from where it has
            none of its own.
    """

    group: LaneGroup
    checkpoint: Path
    checkpoint_every: float
    source: Path | None = None


@dataclass(frozen=True)
class Survey:
    """What is known of a kind of group before it is trained.

    Attributes:
        steps: Steps of each run.
        cuda: Whether there is a CUDA GPU.
    """

    steps: int
    cuda: bool


def fuses(spec: RunSpec) -> bool:
    """Return whether lanes of a run's kind are one batched computation."""
    config, numerics = spec.config, spec.numerics
    batched = numerics.engine == "compiled" or numerics.device == "cuda"
    return batched and config.model.fuses and config.optimizer.fuses


def grouped(
    specs: Sequence[RunSpec], checkpoints: Mapping[Path, frozenset[str]], workers: int
) -> tuple[LaneGroup, ...]:
    """Return the groups that runs are trained in.

    Runs that were on their way together go on together. The others are spread so that every
    worker has several groups to take, where there are enough runs.

    Args:
        specs: The runs.
        checkpoints: Groups on their way: the runs of each, by file.
        workers: Groups that are trained at once.
    """
    left = {spec.run_id: spec for spec in specs}
    begun = []
    for run_ids in checkpoints.values():
        if there := run_ids & left.keys():
            members = tuple(left.pop(run_id) for run_id in sorted(there))
            begun.append(LaneGroup(members, fuses(members[0])))
    width = min(WIDTH, max(-(-len(left) // (2 * workers)), 1))
    return (*begun, *group(list(left.values()), width))


def group(specs: Sequence[RunSpec], width: int) -> tuple[LaneGroup, ...]:
    """Return groups of at most `width` lanes, as even as can be, in the order of first runs."""
    alike: dict[str, list[RunSpec]] = {}
    for spec in specs:
        alike.setdefault(structure(spec), []).append(spec)
    groups = []
    for members in alike.values():
        fused = fuses(members[0])
        count = -(-len(members) // (width if fused else 1))
        cuts = [len(members) * i // count for i in range(count + 1)]
        groups += [LaneGroup(tuple(members[a:b]), fused) for a, b in pairwise(cuts)]
    return tuple(groups)


def structure(spec: RunSpec) -> str:
    """Return what the lanes of a group must share, as one comparable text."""
    config = spec.config
    protocol = config.protocol.identity()
    for number in ("seed", "divergence"):
        del protocol[number]
    protocol["grad_clip"] = config.protocol.grad_clip is not None
    shared: list[Any] = [
        config.dataset.identity(),
        config.model.identity(),
        config.optimizer.structure(),
        config.loss.identity(),
        protocol,
        spec.numerics.identity(),
    ]
    return json.dumps(shared, sort_keys=True)
