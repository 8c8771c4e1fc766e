"""Adamax: Adam with the infinity norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    moving_average,
    scale_by_learning_rate,
    zero_buffers,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def scale_by_adamax() -> GradientTransformation:
    """Divide the average of g by the decayed maximum of |g| (optax.scale_by_adamax).

    >>> import torch
    >>> adamax = scale_by_adamax()
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([0.001, -1000.0])}
    >>> hypers = {"beta1": 0.9, "beta2": 0.999, "eps": 0.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> adamax.update(grads, adamax.init(params), params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([ 1., -1.])

    m ← β1·m + (1 − β1)·g, x ← max(β2·x, |g| + ε), u = m / (1 − β1^t) / x. Source: Kingma & Ba 2015
    (arXiv 1412.6980), Algorithm 2, which has no ε; torch.optim.Adamax.
    """

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        beta1, beta2, eps = hypers["beta1"], hypers["beta2"], hypers["eps"]
        m = moving_average(state["m"], grads, beta1)
        x = {n: (beta2 * state["x"][n]).maximum(g.abs() + eps) for n, g in grads.items()}
        correction = 1 - beta1**step
        return {n: m[n] / (correction * x[n]) for n in grads}, {"m": m, "x": x}

    return GradientTransformation(zero_buffers("m", "x"), update)


class Adamax(Rule):
    """Adamax (Kingma & Ba 2015; torch.optim.Adamax).

    Attributes:
        betas: Decay rates β1 of the running average of g, β2 of the maximum of |g|.
        eps: ε, added to |g|.
    """

    rule: Literal["adamax"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    eps: float = Field(default=1e-8, gt=0)

    defaults_from: ClassVar[str] = "torch.optim.Adamax"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_adamax(), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"beta1": self.betas[0], "beta2": self.betas[1], "eps": self.eps}
