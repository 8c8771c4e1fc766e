"""Follow the weights of runs, step by step, without evaluations or results on disk.

Shapes: M lanes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import torch

from adamcmp.planning.fusion import can_compile
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.horizon import horizon
from adamcmp.planning.specs import RunSpec
from adamcmp.training.device_data import to_device
from adamcmp.training.run_record import RunRecord
from adamcmp.training.step.chunks import CHUNK_STEPS, ChunkBuilder
from adamcmp.training.step.config import group_step_config
from adamcmp.training.step.lanes import Lanes


def follow(specs: Sequence[RunSpec], steps: Sequence[int]) -> Iterator[Lanes]:
    """Train runs together, and yield their lanes after each of some numbers of steps.

    The lanes are yielded once they have taken these steps, and change afterwards.

    Args:
        specs: Runs of one kind; a single run unless `fuses`.
        steps: Increasing numbers of steps; 0 is the initial state.
    """
    numerics, config = specs[0].numerics, specs[0].config
    torch.set_num_threads(numerics.threads or 1)
    device = torch.device(numerics.device)
    dtype = torch.float64 if numerics.dtype == "float64" else torch.float32
    data = to_device(config.run_dataset, None, device, dtype)
    # Eager steps of a CPU are batched too: here, a run need not have the bits of a stored run.
    step_config = group_step_config(LaneGroup(tuple(specs)), data, device, dtype)
    step_config = replace(step_config, fused=len(specs) > 1)
    examples = len(data.train)
    runs = [RunRecord(spec, horizon(spec.config, examples), examples) for spec in specs]
    chunks = ChunkBuilder(runs, device)
    lanes = Lanes(step_config, [run.seed for run in runs], data.train)
    for before, after in pairwise((0, *steps)):
        for begin in range(before, after, CHUNK_STEPS):
            lanes.steps(chunks.build(runs, begin), min(after - begin, CHUNK_STEPS))
        yield lanes


def fuses(spec: RunSpec) -> bool:
    """Return whether `follow` can train several such runs together."""
    return can_compile(spec.config)


def step_count(spec: RunSpec) -> int:
    """Return the number of steps of a run."""
    return horizon(spec.config, len(spec.config.data().train)).steps


def weights(lanes: Lanes) -> torch.Tensor:
    """Return all weights of each lane (M, P), as they are after its last step."""
    params = lanes.state["params"].values()
    return torch.cat([param.flatten(1) for param in params], dim=1).clone()
