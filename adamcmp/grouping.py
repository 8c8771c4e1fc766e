"""From runs to groups that are trained as lanes of one batched computation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adamcmp.plan import RunSpec

#: Most lanes of a group; wider ones fall out of the processor's caches.
WIDEST = 64


@dataclass(frozen=True)
class LaneGroup:
    """Runs that share all shapes and all structure; every number may differ from lane to lane."""

    specs: tuple[RunSpec, ...]

    @property
    def fused(self) -> bool:
        """Whether the lanes are one batched computation (else the group has one lane)."""
        config = self.specs[0].config
        return config.model.fuses and config.optimizer.fuses


def group(specs: Sequence[RunSpec], widest: int = WIDEST) -> tuple[LaneGroup, ...]:
    """Return groups of at most `widest` lanes, in the order of their first run."""
    alike: dict[str, list[RunSpec]] = {}
    for spec in specs:
        alike.setdefault(structure(spec), []).append(spec)
    groups = []
    for members in alike.values():
        width = widest if LaneGroup((members[0],)).fused else 1
        for start in range(0, len(members), width):
            groups.append(LaneGroup(tuple(members[start : start + width])))
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
