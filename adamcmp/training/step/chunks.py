"""Laying out steps ahead: which examples and which hyperparameters each lane takes at each of them.

Shapes: M lanes, S seeds, K steps, B batch, H hyperparameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adamcmp.components.optimizers.torch import Torch
from adamcmp.training.device_data import BatchOrder
from adamcmp.training.run_record import Run

#: Steps that are laid out in one go.
STRIDE = 64


@dataclass(frozen=True)
class StepChunk:
    """The batches and hyperparameters of K consecutive steps, K the same for all stretches.

    Attributes:
        begin: Steps taken before the first one.
        index_MKB: The examples of each lane's batches.
        names: Names of the hyperparameters; the last is ``step``, counted from 1.
        hypers_HKM: Their values, float64.
    """

    begin: int
    index_MKB: Tensor
    names: tuple[str, ...]
    hypers_HKM: Tensor


class Layout:
    """Lays out the steps of a group's lanes.

    Args:
        runs: All lanes' runs.
        device: Where the lanes are.
    """

    def __init__(self, runs: Iterable[Run], device: torch.device) -> None:
        self._device = device
        self._orders: dict[int, BatchOrder] = {}  # lanes of one seed see the same batches
        for run in runs:
            seed, size = run.seed, run.spec.config.protocol.batch_size
            self._orders.setdefault(seed, BatchOrder(seed, run.train_examples, size))

    def stretch(self, runs: Sequence[Run], begin: int) -> StepChunk:
        """Return the `STRIDE` steps from `begin` on of some of the lanes, in their order.

        Those beyond a run's end are never taken.
        """
        end = begin + STRIDE
        seeds = list(dict.fromkeys(run.seed for run in runs))
        index_SKB = torch.stack([self._orders[seed].batches(begin, end) for seed in seeds])
        row = {seed: number for number, seed in enumerate(seeds)}
        row_M = torch.tensor([row[run.seed] for run in runs])
        names, hypers_HKM = hypers(runs, begin, end)
        index_MKB = index_SKB.to(self._device)[row_M.to(self._device)]
        return StepChunk(begin, index_MKB, names, torch.as_tensor(hypers_HKM).to(self._device))


def hypers(
    runs: Sequence[Run], begin: int, end: int
) -> tuple[tuple[str, ...], np.ndarray[tuple[int, int, int], np.dtype[np.float64]]]:
    """Return lanes' hyperparameters at steps `begin` to `end` − 1, counted from 0.

    Args:
        runs: The lanes' runs; they share the names of their hyperparameters.
        begin: The first step.
        end: Behind the last one.

    Returns:
        The names, ``step`` (counted from 1) the last, and their values (H, K, M).
    """
    horizon = runs[0].horizon
    steps = np.arange(begin, end)
    inside = steps.clip(max=horizon.steps - 1)
    schedules = {run.spec.config.schedule.canonical: run.spec.config.schedule for run in runs}
    multipliers = {key: s.multiplier(inside, horizon) for key, s in schedules.items()}
    momenta = {key: s.momentum(inside, horizon) for key, s in schedules.items()}

    named = {name: np.array([run.constants[name] for run in runs]) for name in runs[0].constants}
    values = {name: np.tile(value_M, (len(steps), 1)) for name, value_M in named.items()}
    keys = [run.spec.config.schedule.canonical for run in runs]
    values["multiplier"] = np.stack([multipliers[key] for key in keys], axis=1)
    for lane, (run, key) in enumerate(zip(runs, keys, strict=True)):
        momentum, optimizer = momenta[key], run.spec.config.optimizer
        moved = optimizer.momentum_hyper
        # An optimizer without momentum keeps none; what a torch class has, only it knows.
        if momentum is not None and run.constants.get(moved, isinstance(optimizer, Torch)):
            values.setdefault(moved, np.empty((len(steps), len(runs))))[:, lane] = momentum
    values["step"] = np.tile(steps[:, None] + 1.0, (1, len(runs)))
    return tuple(values), np.stack(list(values.values()))
