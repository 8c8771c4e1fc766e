"""Lion: the sign of a momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    moving_average,
    scale_by_learning_rate,
    zeros_like,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def sign_of_momentum() -> GradientTransformation:
    """Turn g into the sign of a running average (optax.scale_by_lion).

    >>> import torch
    >>> lion = sign_of_momentum()
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([0.001, -1000.0])}
    >>> hypers = {"beta1": torch.tensor(0.9), "beta2": torch.tensor(0.99)}
    >>> lion.update(grads, lion.init(params), params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([ 1., -1.])

    u = sign(β1·m + (1 − β1)·g), m ← β2·m + (1 − β2)·g. Source: Chen et al. 2023 (arXiv 2302.06675),
    Algorithm 2.
    """

    def update(
        grads: Tree, state: Tree, params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, Tree]:
        direction = moving_average(state, grads, hypers["beta1"])
        m = moving_average(state, grads, hypers["beta2"])
        return {n: d.sign() for n, d in direction.items()}, m

    return GradientTransformation(zeros_like, update)


class Lion(Rule):
    """Lion (Chen et al. 2023, arXiv 2302.06675), which has decoupled weight decay.

    Attributes:
        betas: β1 of the average whose sign is the step, β2 of the average that is kept.
    """

    rule: Literal["lion"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.99)

    defaults_from: ClassVar[str] = "the paper"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return sign_of_momentum(), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"beta1": self.betas[0], "beta2": self.betas[1]}
