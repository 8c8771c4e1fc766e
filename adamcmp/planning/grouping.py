"""From runs to groups that are trained as lanes of one batched computation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from adamcmp.components.optimizers import Optimizer
from adamcmp.components.registry import canonical
from adamcmp.config import Protocol, RunConfig
from adamcmp.planning.specs import RunSpec


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
class TrainTask:
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


def why_alone(spec: RunSpec) -> str | None:
    """Return why lanes of a run's kind are trained one at a time; None where they are fused."""
    config, numerics = spec.config, spec.numerics
    if not config.optimizer.fuses:
        return "a torch.optim class holds the settings of one run"
    if numerics.device not in config.model.fuses:
        return f"model={config.model.name} is faster one lane at a time"
    if numerics.engine == "eager" and numerics.device == "cpu":
        return "this study is eager, and on a processor lanes are fused where they are compiled"
    return None


def fuses(spec: RunSpec) -> bool:
    """Return whether lanes of a run's kind are one batched computation."""
    return why_alone(spec) is None


def grouped(
    specs: Sequence[RunSpec],
    checkpoints: Mapping[Path, frozenset[str]],
    width: Callable[[Sequence[RunSpec]], int],
) -> tuple[LaneGroup, ...]:
    """Return the groups that runs are trained in.

    Runs that were on their way together go on together.

    Args:
        specs: The runs.
        checkpoints: Groups on their way: the runs of each, by file.
        width: Returns how many of these runs, all alike, at most make a group.
    """
    left = {spec.run_id: spec for spec in specs}
    begun = []
    for run_ids in checkpoints.values():
        if there := run_ids & left.keys():
            members = tuple(left.pop(run_id) for run_id in sorted(there))
            begun.append(LaneGroup(members, fuses(members[0])))
    return (*begun, *group(list(left.values()), width))


def group(
    specs: Sequence[RunSpec], width: Callable[[Sequence[RunSpec]], int]
) -> tuple[LaneGroup, ...]:
    """Return groups of at most `width` lanes, as even as can be, in the order of first runs."""
    alike: dict[str, list[RunSpec]] = {}
    for spec in specs:
        alike.setdefault(structure(spec.config), []).append(spec)
    groups = []
    for members in alike.values():
        fused = fuses(members[0])
        count = -(-len(members) // (width(members) if fused else 1))
        cuts = [len(members) * i // count for i in range(count + 1)]
        groups += [LaneGroup(tuple(members[a:b]), fused) for a, b in pairwise(cuts)]
    return tuple(groups)


def structure(config: RunConfig) -> str:
    """Return what the lanes of a group must share, as one comparable text.

    Within a study that is all: its runs share their numerics.
    """
    own = _optimizer(config.optimizer), config.loss.canonical, _protocol(config.protocol)
    return f"[{','.join((config.dataset.canonical, config.model.canonical, *own))}]"


@lru_cache(maxsize=1 << 14)
def _optimizer(optimizer: Optimizer) -> str:
    return canonical(optimizer.structure())


@lru_cache(maxsize=1 << 14)
def _protocol(protocol: Protocol) -> str:
    shared = protocol.identity()
    for number in ("seed", "divergence"):
        del shared[number]
    return canonical({**shared, "grad_clip": protocol.grad_clip is not None})
