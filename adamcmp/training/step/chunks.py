"""Chunks of consecutive steps: the batches and hyperparameters of each lane, prepared ahead.

Shapes: M lanes, S seeds, K steps, B batch, H hyperparameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adamcmp.training.device_data import BatchOrder
from adamcmp.training.run_record import RunRecord

#: Steps of a chunk.
CHUNK_STEPS = 64


@dataclass(frozen=True)
class StepChunk:
    """The batches and hyperparameters of K consecutive steps; K is `CHUNK_STEPS`.

    Attributes:
        begin: Number of steps before the chunk.
        index_MKB: Indices of the examples of each lane's batches.
        names: Names of the hyperparameters; the last is ``step``, counted from 1.
        hypers_HKM: Values of the hyperparameters, float64.
    """

    begin: int
    index_MKB: Tensor
    names: tuple[str, ...]
    hypers_HKM: Tensor


class ChunkBuilder:
    """Builds the chunks of a group's lanes.

    Args:
        runs: The runs of all lanes.
        device: The device of the lanes.
    """

    def __init__(self, runs: Iterable[RunRecord], device: torch.device) -> None:
        self._device = device
        self._orders: dict[int, BatchOrder] = {}  # lanes with the same seed see the same batches
        for run in runs:
            seed, size = run.seed, run.spec.config.protocol.batch_size
            self._orders.setdefault(seed, BatchOrder(seed, run.train_examples, size))

    def build(self, runs: Sequence[RunRecord], begin: int) -> StepChunk:
        """Return the chunk that begins after `begin` steps, for some of the lanes.

        It may extend beyond the end of the runs; these steps are never taken.
        """
        end = begin + CHUNK_STEPS
        seeds = list(dict.fromkeys(run.seed for run in runs))
        index_SKB = torch.stack([self._orders[seed].batches(begin, end) for seed in seeds])
        row = {seed: number for number, seed in enumerate(seeds)}
        row_M = torch.tensor([row[run.seed] for run in runs])
        names, hypers_HKM = scheduled_hypers(runs, begin, end)
        index_MKB = index_SKB.to(self._device)[row_M.to(self._device)]
        return StepChunk(begin, index_MKB, names, torch.as_tensor(hypers_HKM).to(self._device))


def scheduled_hypers(
    runs: Sequence[RunRecord], begin: int, end: int
) -> tuple[tuple[str, ...], np.ndarray[tuple[int, int, int], np.dtype[np.float64]]]:
    """Return the hyperparameters of lanes at steps `begin` to `end` − 1, counted from 0.

    Args:
        runs: The lanes' runs; their hyperparameters have the same names.
        begin: The first step.
        end: The step after the last one.

    Returns:
        The names, the last of which is ``step`` (counted from 1), and the values (H, K, M).
    """
    horizon = runs[0].horizon
    steps = np.arange(begin, end)
    inside = steps.clip(max=horizon.steps - 1)
    schedules = {run.spec.config.schedule.canonical: run.spec.config.schedule for run in runs}
    multipliers = {key: s.multiplier(inside, horizon) for key, s in schedules.items()}
    momenta = {key: s.momentum(inside, horizon) for key, s in schedules.items()}

    named = {name: np.array([run.hypers[name] for run in runs]) for name in runs[0].hypers}
    values = {name: np.tile(value_M, (len(steps), 1)) for name, value_M in named.items()}
    keys = [run.spec.config.schedule.canonical for run in runs]
    values["multiplier"] = np.stack([multipliers[key] for key in keys], axis=1)
    for lane, (run, key) in enumerate(zip(runs, keys, strict=True)):
        name = run.spec.config.optimizer.momentum_hyper
        # A rule without momentum, or with momentum 0, has no buffer to schedule. The settings of
        # a torch class do not reveal whether it has a momentum, so it always gets the value.
        has_momentum = bool(name) and bool(run.hypers.get(name, True))
        if momenta[key] is not None and has_momentum:
            values.setdefault(name, np.empty((len(steps), len(runs))))[:, lane] = momenta[key]
    for lane, run in enumerate(runs):
        if run.spec.config.wd_schedule:
            decay = run.spec.config.wd_schedule.multiplier(inside, horizon)
            # Parameter groups may have their own.
            for name in (n for n in named if n.rpartition(".")[2] == "weight_decay"):
                values[name][:, lane] *= decay
    values["step"] = np.tile(steps[:, None] + 1.0, (1, len(runs)))
    return tuple(values), np.stack(list(values.values()))
