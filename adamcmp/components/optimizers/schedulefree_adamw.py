"""Schedule-free AdamW."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from adamcmp.components.averaging import schedule_free
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


def scale_by_debiased_rms() -> GradientTransformation:
    """Turn g into g / (√v̂ + ε), Adam without its momentum.

    >>> import torch
    >>> rms = scale_by_debiased_rms()
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([0.001, -1000.0])}
    >>> hypers = {"beta2": torch.tensor(0.75), "eps": torch.tensor(0.0)}
    >>> rms.update(grads, rms.init(params), params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([ 1., -1.])

    v ← β2·v + (1 − β2)·g², v̂ = v / (1 − β2^t). Source: Defazio et al. 2024 (arXiv 2405.15682),
    Algorithm 1.
    """

    def update(
        grads: Tree, state: Tree, params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, Tree]:
        v = moving_average(state, {n: g.square() for n, g in grads.items()}, hypers["beta2"])
        correction = 1 - hypers["beta2"] ** step
        return {n: g / ((v[n] / correction).sqrt() + hypers["eps"]) for n, g in grads.items()}, v

    return GradientTransformation(zeros_like, update)


class ScheduleFreeAdamW(Rule):
    """Schedule-free AdamW (Defazio et al. 2024, arXiv 2405.15682).

    Train it with ``schedule=constant``, and a warm-up if needed: an average replaces the schedule.
    Gradients and decay are evaluated between the iterates and the average. With ``decoupled``, the
    authors' algorithm.

    Attributes:
        betas: β1, the share of the average in the weights at which gradients are evaluated, and
            the decay rate β2 of the running average of g².
        eps: ε, added to √v̂.
        r: Exponent of the step in the weights of the average.
        weight_lr_power: Exponent of the largest learning rate so far in these weights.
    """

    rule: Literal["schedulefree_adamw"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)
    r: float = Field(default=0.0, ge=0)
    weight_lr_power: float = Field(default=2.0, ge=0)

    elementwise: ClassVar[bool] = False  # the average has its weights for each parameter
    defaults_from: ClassVar[str] = "the authors' package"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps", "r", "weight_lr_power"})
    momentum_hyper: ClassVar[str] = "beta1"
    refused_couplings: ClassVar[Mapping[str, str]] = {
        "norm": "an average of weights of one norm has a smaller norm. Use coupling=decoupled"
    }

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_debiased_rms(), scale_by_learning_rate()

    def averaged(self, optimizer: GradientTransformation) -> GradientTransformation:
        """See `Rule.averaged`."""
        return schedule_free(optimizer, "beta1")

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        powers = {"r": self.r, "weight_lr_power": self.weight_lr_power}
        return {"beta1": self.betas[0], "beta2": self.betas[1], "eps": self.eps, **powers}
