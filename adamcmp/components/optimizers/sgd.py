"""SGD: plain, with momentum (heavy ball, Nesterov, exponential average)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from adamcmp.components.optimizers._base import Fraction, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    scale_by_learning_rate,
    zeros_like,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def momentum_buffer(*, nesterov: bool, dampened: bool, average: bool) -> GradientTransformation:
    """Accumulate momentum: b ← μ·b + (1 − τ)·u; with `nesterov` the output is u + μ·b.

    Source: torch.optim.SGD, whose buffer starts at the first u itself whatever the dampening τ.
    With `average` the exponential average b ← μ·b + (1 − μ)·u from zero, which equals it for
    τ = μ but for that first step.
    """

    def update(
        updates: Tree, state: Tree, params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, Tree]:
        momentum = hypers["momentum"]
        share: Any = 1.0
        if average:
            share = 1 - momentum
        elif dampened:
            share = (1 - hypers["dampening"]).where(step > 1, 1.0)
        buffer = {n: momentum * state[n] + share * u for n, u in updates.items()}
        if nesterov:
            return {n: u + momentum * buffer[n] for n, u in updates.items()}, buffer
        return dict(buffer), buffer

    return GradientTransformation(zeros_like, update)


class SGD(Rule):
    """Stochastic gradient descent.

    Attributes:
        momentum: μ; 0 keeps no buffer.
        dampening: τ, as in torch.optim.SGD.
        nesterov: Nesterov's lookahead, as in torch.optim.SGD.
        average: Momentum as the exponential average v ← μ·v + (1 − μ)·g.
        lr_in_momentum: Put η_t inside the buffer (Loshchilov & Hutter 2019, Algorithm 1) instead
            of outside it (torch); they differ when the learning rate moves.
    """

    rule: Literal["sgd"]
    momentum: Fraction = 0.9
    dampening: float = Field(default=0.0, ge=0, le=1)
    nesterov: bool = False
    average: bool = False
    lr_in_momentum: bool = False

    number_fields: ClassVar[frozenset[str]] = frozenset({"momentum", "dampening"})
    momentum_hyper: ClassVar[str] = "momentum"

    @model_validator(mode="after")
    def _options_agree(self) -> SGD:
        if self.nesterov and (not self.momentum or self.dampening or self.average):
            raise ValueError("nesterov=true needs momentum > 0, dampening=0 and average=false")
        if self.average and self.dampening:
            raise ValueError("average=true takes no dampening: its share is 1 - momentum")
        return self

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        if not self.momentum:
            return (scale_by_learning_rate(),)
        momentum = momentum_buffer(
            nesterov=self.nesterov, dampened=self.dampening > 0, average=self.average
        )
        return (
            (scale_by_learning_rate(), momentum)
            if self.lr_in_momentum
            else (momentum, scale_by_learning_rate())
        )

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"momentum": self.momentum, "dampening": self.dampening}

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`: a buffer that is not there is another structure."""
        return (*super().structure(), self.momentum > 0, self.dampening > 0)
