"""NAdam: Adam with Nesterov momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

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


def scale_by_nadam() -> GradientTransformation:
    """Turn g into Adam's step with Nesterov momentum.

    >>> import torch
    >>> nadam = scale_by_nadam()
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([0.001, -1000.0])}
    >>> hypers = {"beta1": 0.9, "beta2": 0.999, "eps": 0.0, "momentum_decay": 0.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> updates, _ = nadam.update(grads, nadam.init(params), params, hypers, torch.tensor(1.0))
    >>> updates["w"].round(decimals=3)
    tensor([ 1.0560, -1.0560])

    m, v and v̂ as in Adam, μ_t = β1·(1 − 0.96^(t·ψ) / 2) with the momentum decay ψ, and
    u = ((1 − μ_t)·g / (1 − Π_{i≤t} μ_i) + μ_{t+1}·m / (1 − Π_{i≤t+1} μ_i)) / (√v̂ + ε). Source:
    Dozat 2016 (ICLR workshop), Algorithm 2; torch.optim.NAdam. optax.nadam has a constant μ.
    """

    def init(params: Tree) -> dict[str, Any]:
        import torch

        # A product for each parameter, since parameters without a gradient count fewer steps.
        product = {n: p.new_ones((), dtype=torch.float64) for n, p in params.items()}
        return {"m": zeros_like(params), "v": zeros_like(params), "product": product}

    def update(
        grads: Tree, state: dict[str, Any], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Any]]:
        beta1, beta2, eps = hypers["beta1"], hypers["beta2"], hypers["eps"]
        m = moving_average(state["m"], grads, beta1)
        v = moving_average(state["v"], {n: g.square() for n, g in grads.items()}, beta2)
        mu, next_mu = (
            beta1 * (1 - 0.5 * 0.96 ** (t * hypers["momentum_decay"])) for t in (step, step + 1)
        )
        product = {n: value * mu for n, value in state["product"].items()}
        correction2 = 1 - beta2**step
        updates = {
            n: ((1 - mu) / (1 - product[n]) * g + next_mu / (1 - product[n] * next_mu) * m[n])
            / ((v[n] / correction2).sqrt() + eps)
            for n, g in grads.items()
        }
        return updates, {"m": m, "v": v, "product": product}

    return GradientTransformation(init, update)


class NAdam(Rule):
    """NAdam (Dozat 2016; torch.optim.NAdam).

    Attributes:
        betas: Decay rates β1, β2 of the running averages of g and g².
        eps: ε, added to √v̂.
        momentum_decay: ψ; 0 keeps the momentum at β1 / 2.
    """

    rule: Literal["nadam"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)
    momentum_decay: float = Field(default=4e-3, ge=0)

    defaults_from: ClassVar[str] = "torch.optim.NAdam"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps", "momentum_decay"})
    momentum_hyper: ClassVar[str] = "beta1"
    #: The product of the momenta is one number for each parameter.
    elementwise: ClassVar[bool] = False
    elementwise_at_equal_steps: ClassVar[bool] = True

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_nadam(), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        beta1, beta2 = self.betas
        numbers = {"beta1": beta1, "beta2": beta2, "eps": self.eps}
        return {**numbers, "momentum_decay": self.momentum_decay}
