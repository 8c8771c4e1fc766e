"""Optax transformations as black boxes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
import torch
from torch import Tensor

from adamcmp.inspection.subjects import Stepper, Subject

#: The learning rate of a transformation that takes one, unless the user gives another.
DEFAULT_LR = 1e-3


class OptaxStepper(Stepper):
    """The state of a transformation.

    Args:
        subject: The transformation.
        weights: The initial weights.
    """

    def __init__(self, subject: OptaxSubject, weights: Tensor) -> None:
        self._subject = subject
        with jax.enable_x64(True):
            self._state = subject.transformation.init(_array(weights))

    def step(self, weights: Tensor, gradient: Tensor, multiplier: float) -> Tensor:
        """See `Stepper.step`."""
        lr = (self._subject.lr or 1.0) * multiplier
        with jax.enable_x64(True):
            update, self._state = self._subject.update(
                _array(gradient), self._state, _array(weights), lr
            )
        return weights + torch.from_numpy(np.array(update))


@dataclass(frozen=True)
class OptaxSubject(Subject):
    """A function that returns an optax transformation, such as ``optax.adamw``.

    The learning rate is the function's first argument if that has no default. It is passed as a
    schedule, so that probes can change it.

    Attributes:
        factory: The function.
        settings: Its keyword arguments.
    """

    factory: Callable[..., Any]
    settings: Mapping[str, Any]
    dtype: torch.dtype = torch.float64
    shape: tuple[int, ...] = (4, 4)

    @cached_property
    def _lr_argument(self) -> str | None:
        parameters = [*inspect.signature(self.factory).parameters.values()]
        first = parameters[0] if parameters else None
        if first is None or first.kind is not first.POSITIONAL_OR_KEYWORD:
            return None
        return first.name if first.default is first.empty else None

    @cached_property
    def lr(self) -> float | None:
        """See `Subject`."""
        if self._lr_argument is None:
            return None
        return float(self.settings.get(self._lr_argument, DEFAULT_LR))

    @cached_property
    def _present(self) -> dict[str, Any]:
        """The learning rate of the step that is being computed."""
        return {"lr": self.lr}

    @cached_property
    def transformation(self) -> Any:
        """The transformation."""
        if self._lr_argument is None:
            return self.factory(**self.settings)
        schedule = {self._lr_argument: lambda count: self._present["lr"]}
        return self.factory(**{**self.settings, **schedule})

    @cached_property
    def update(self) -> Callable[..., Any]:
        """The compiled update: (gradient, state, weights, learning rate) -> (update, state)."""

        def update(gradient: Any, state: Any, weights: Any, lr: Any) -> Any:
            self._present["lr"] = lr
            return self.transformation.update(gradient, state, weights)

        return jax.jit(update)

    def stepper(self, weights: Tensor, steps: int) -> OptaxStepper:
        """See `Subject.stepper`."""
        return OptaxStepper(self, weights)

    def with_settings(self, **settings: Any) -> OptaxSubject:
        """See `Subject.with_settings`."""
        return replace(self, settings={**self.settings, **settings})

    def with_lr(self, lr: float) -> OptaxSubject | None:
        """See `Subject.with_lr`."""
        name = self._lr_argument
        return None if name is None else self.with_settings(**{name: lr})


def _array(tensor: Tensor) -> Any:
    return jax.numpy.asarray(tensor.numpy())
