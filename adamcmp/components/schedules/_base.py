"""The base of all learning-rate schedules."""

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
Fraction = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Horizon:
    """The length of a run.

    Attributes:
        steps: Number of steps T.
        epoch: Steps per epoch (training examples / batch size), in general not an integer.
    """

    steps: int
    epoch: float


class Schedule(Component):
    """The multiplier s_t of the learning rate at each step: η_t = s_t·lr.

    Attributes:
        name: Name of the module that defines the schedule.
        warmup: Fraction of all steps over which the multiplier first rises linearly to 1.
    """

    name: str
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def multiplier(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """Return s_t for each of `steps`, counted from 0.

        Over the first W = round(warmup·T) steps it is (t + 1)/W, as in torch's LinearLR. The
        schedule itself covers the remaining steps.

        >>> from adamcmp.components.schedules.linear import Linear
        >>> Linear(name="linear", warmup=0.2).multiplier(np.arange(10), Horizon(10, 5.0))
        array([0.5  , 1.   , 1.   , 0.875, 0.75 , 0.625, 0.5  , 0.375, 0.25 ,
               0.125])

        Args:
            steps: Step numbers (N,).
            horizon: Length of the run.

        Returns:
            The multipliers (N,), in [0, 1].
        """
        warmup_steps = round(self.warmup * horizon.steps)
        # `np.where` below evaluates both branches everywhere, so neither may divide by 0.
        rest = Horizon(max(horizon.steps - warmup_steps, 1), horizon.epoch)
        after = self.after_warmup(np.maximum(steps - warmup_steps, 0), rest)
        return np.where(steps < warmup_steps, (steps + 1.0) / max(warmup_steps, 1), after)

    @abstractmethod
    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """Return the multiplier of the schedule without warm-up.

        Args:
            steps: Step numbers (N,), counted from the end of the warm-up.
            horizon: Length of the run without warm-up.
        """

    def momentum(self, steps: Steps, horizon: Horizon) -> Multipliers | None:
        """Return the momentum (or β1) at each step (N,); None keeps the optimizer's value."""
        return None


def progress(steps: Steps, horizon: Horizon) -> Multipliers:
    """Return the fraction of the run that precedes each step, in [0, 1)."""
    return steps / horizon.steps


def anneal_cosine(start: float, end: float, fraction: Multipliers) -> Multipliers:
    """Return the half cosine from `start` to `end` as `fraction` goes from 0 to 1.

    >>> anneal_cosine(1.0, 0.0, np.array([0.0, 0.5, 1.0]))
    array([1. , 0.5, 0. ])
    """
    curve: Multipliers = end + (start - end) / 2.0 * (np.cos(np.pi * fraction) + 1.0)
    return curve


def anneal_linear(start: float, end: float, fraction: Multipliers) -> Multipliers:
    """Return the straight line from `start` to `end` as `fraction` goes from 0 to 1.

    >>> anneal_linear(1.0, 0.2, np.array([0.0, 0.5, 1.0]))
    array([1. , 0.6, 0.2])
    """
    return start + (end - start) * fraction


ANNEAL = {"cosine": anneal_cosine, "linear": anneal_linear}
