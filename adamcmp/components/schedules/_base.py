"""The base of all schedules: a pure function of the step."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from adamcmp.components.registry import Component

Steps = NDArray[np.int64]
Multipliers = NDArray[np.floating[Any]]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Horizon:
    """The run that a schedule is laid over.

    Attributes:
        steps: Number of steps in all.
        epoch: Steps in one epoch (training examples / batch size; rarely whole).
    """

    steps: int
    epoch: float


class Schedule(Component):
    """Multiplier s_t of the learning rate at each step: η_t = s_t·lr.

    Attributes:
        name: The file in this room that holds the schedule.
        warmup: Share of all steps over which the multiplier first rises linearly to 1.
    """

    name: str
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def multiplier(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """Return s_t for each of `steps`, counted from 0 (shape as `steps`).

        Over the first W = round(warmup·T) steps it is (t + 1)/W, as with torch's LinearLR; after
        them the schedule proper runs over the steps that remain.
        """
        rise = round(self.warmup * horizon.steps)
        rest = Horizon(max(horizon.steps - rise, 1), horizon.epoch)
        after = self.shape(np.maximum(steps - rise, 0), rest)
        return np.where(steps < rise, (steps + 1.0) / max(rise, 1), after)

    @abstractmethod
    def shape(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """Return the multiplier without warm-up."""

    def momentum(self, steps: Steps, horizon: Horizon) -> Multipliers | None:
        """Return the momentum (or β1) at each step, or None when the optimizer's own stays."""
        return None


def progress(steps: Steps, horizon: Horizon) -> Multipliers:
    """Return the share of the run that lies before each step, in [0, 1)."""
    return steps / horizon.steps


def anneal_cosine(start: float, end: float, share: Multipliers) -> Multipliers:
    """Return the half cosine from `start` to `end` as `share` goes from 0 to 1."""
    curve: Multipliers = end + (start - end) / 2.0 * (np.cos(np.pi * share) + 1.0)
    return curve


def anneal_linear(start: float, end: float, share: Multipliers) -> Multipliers:
    """Return the straight line from `start` to `end` as `share` goes from 0 to 1."""
    return start + (end - start) * share


ANNEAL = {"cosine": anneal_cosine, "linear": anneal_linear}
