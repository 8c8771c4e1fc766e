"""Stochastic gradient descent: plain, or with momentum (heavy ball, Nesterov, average)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    scale_by_learning_rate,
    zeros_like,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def momentum(*, nesterov: bool, dampened: bool, average: bool) -> GradientTransformation:
    """Accumulate updates in a buffer: b ← μ·b + (1 − τ)·u (optax.trace).

    >>> import torch
    >>> heavy_ball = momentum(nesterov=False, dampened=False, average=False)
    >>> params, grads = {"w": torch.zeros(1)}, {"w": torch.ones(1)}
    >>> hypers, state = {"momentum": torch.tensor(0.5)}, heavy_ball.init(params)
    >>> for step in (1.0, 2.0, 3.0):
    ...     updates, state = heavy_ball.update(grads, state, params, hypers, torch.tensor(step))
    ...     print(updates["w"].item())
    1.0
    1.5
    1.75

    Source: torch.optim.SGD (heavy ball, Polyak 1964). As in torch, the first step sets b ← u,
    independent of the dampening τ.

    Args:
        nesterov: Whether the output is u + μ·b instead of b (Nesterov 1983, in the form of
            Sutskever et al. 2013).
        dampened: Whether there is a dampening τ.
        average: Whether the buffer is the exponential average b ← μ·b + (1 − μ)·u from zero. It
            equals τ = μ, except in the first step.
    """

    def update(
        updates: Tree, state: Tree, params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, Tree]:
        mu = hypers["momentum"]
        added = updates
        if average:
            added = {n: (1 - mu) * u for n, u in updates.items()}
        elif dampened:
            weight = (1 - hypers["dampening"]).where(step > 1, 1.0)
            added = {n: weight * u for n, u in updates.items()}
        buffer = {n: mu * state[n] + u for n, u in added.items()}
        if nesterov:
            return {n: u + mu * buffer[n] for n, u in updates.items()}, buffer
        return dict(buffer), buffer

    return GradientTransformation(zeros_like, update)


class SGD(Rule):
    """Stochastic gradient descent (torch.optim.SGD).

    Attributes:
        momentum: μ; 0 keeps no buffer.
        dampening: τ, as in torch.optim.SGD.
        nesterov: Nesterov momentum, as in torch.optim.SGD.
        average: Momentum as the exponential average b ← μ·b + (1 − μ)·g.
        lr_in_momentum: Multiply by η_t before the buffer (Loshchilov & Hutter 2019, Algorithm 1)
            instead of after it (torch). They differ when the learning rate changes.
    """

    rule: Literal["sgd"]
    momentum: DecayRate = 0.9
    dampening: float = Field(default=0.0, ge=0, le=1)
    nesterov: bool = False
    average: bool = False
    lr_in_momentum: bool = False

    defaults_from: ClassVar[str] = "torch.optim.SGD, except momentum 0.9 and lr 0.1"
    number_fields: ClassVar[frozenset[str]] = frozenset({"momentum", "dampening"})
    momentum_hyper: ClassVar[str] = "momentum"

    @model_validator(mode="after")
    def _options_agree(self) -> SGD:
        if self.nesterov and (not self.momentum or self.dampening or self.average):
            raise ValueError("nesterov=true needs momentum > 0, dampening=0 and average=false")
        if self.average and self.dampening:
            raise ValueError("average=true needs dampening=0: its weight is 1 - momentum")
        return self

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        if not self.momentum:
            return (scale_by_learning_rate(),)
        buffer = momentum(nesterov=self.nesterov, dampened=self.dampening > 0, average=self.average)
        if self.lr_in_momentum:
            return scale_by_learning_rate(), buffer
        return buffer, scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"momentum": self.momentum, "dampening": self.dampening}

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`; includes whether momentum and dampening are used."""
        return (*super().structure(), self.momentum > 0, self.dampening > 0)
