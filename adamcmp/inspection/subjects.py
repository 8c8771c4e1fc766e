"""Optimizers as black boxes: weights, gradients and learning rates in, updates out.

Probes know nothing else about an optimizer: not its class, the names of its arguments, or its
state.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from adamcmp.components.user_class import error_reason
from adamcmp.platform.global_generators import seeded_generators


class ProbeFailed(Exception):
    """The optimizer raised an error, or its weights are not finite."""


class Stepper(ABC):
    """One instance of an optimizer, with one parameter."""

    @abstractmethod
    def step(self, weights: Tensor, gradient: Tensor, multiplier: float) -> Tensor:
        """Return the weights after a step.

        Args:
            weights: The weights before the step.
            gradient: Their gradient.
            multiplier: The learning rate divided by the initial one.
        """


class Subject(ABC):
    """An optimizer with its settings, of which probes create instances.

    Attributes:
        dtype: The type of the weights.
        shape: Their shape.
        settings: The settings that the user gave.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    settings: Mapping[str, Any]

    @property
    @abstractmethod
    def lr(self) -> float | None:
        """The initial learning rate; None if it is unknown."""

    @abstractmethod
    def stepper(self, weights: Tensor, steps: int) -> Stepper:
        """Create an instance.

        Args:
            weights: Its initial weights.
            steps: How many steps it will take.
        """

    @abstractmethod
    def with_settings(self, **settings: Any) -> Subject:
        """Return the optimizer with other values of some settings."""

    @abstractmethod
    def with_lr(self, lr: float) -> Subject | None:
        """Return the optimizer with another initial learning rate; None if it takes none."""

    def unknown_group_settings(self) -> Iterator[tuple[str, Subject]]:
        """Yield settings of a parameter group that may have no effect, and the optimizer without.

        Only classes of torch.optim have such settings.
        """
        yield from ()

    def updates(
        self,
        weights: Tensor | Sequence[Tensor],
        gradients: Sequence[Tensor],
        multipliers: Sequence[float],
        *,
        free: bool = False,
    ) -> Tensor:
        """Return the change of the weights in each step, (steps, *shape).

        By default, the weights are set back before each step, so that all steps start from the same
        weights and the updates of different steps can be compared.

        Args:
            weights: The weights at which each step starts; a sequence gives one for each step.
            gradients: The gradient of each step.
            multipliers: The learning rate of each step divided by the initial one.
            free: Let the weights move from those of the first step.

        Raises:
            ProbeFailed: If the optimizer raises an error, or the weights are not finite.
        """
        steps = len(multipliers)
        starts = [weights] * steps if isinstance(weights, Tensor) else weights
        starts = [start.to(self.dtype) for start in starts]
        with seeded_generators(0), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                stepper = self.stepper(starts[0].clone(), steps)
                updates, current = [], starts[0]
                for start, gradient, multiplier in zip(starts, gradients, multipliers, strict=True):
                    before = current if free else start
                    current = stepper.step(before, gradient.to(self.dtype), multiplier)
                    updates.append(current - before)
            except Exception as error:  # an optimizer may raise anything
                raise ProbeFailed(error_reason(error)) from error
        result = torch.stack(updates).to(torch.float64)
        if not result.isfinite().all():
            raise ProbeFailed("the weights are not finite")
        return result
