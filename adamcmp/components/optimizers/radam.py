"""RAdam: Adam with a rectified adaptive step."""

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


def scale_by_radam() -> GradientTransformation:
    """Turn g into Adam's step, rectified for the variance of v̂ (optax.scale_by_radam).

    >>> import torch
    >>> radam = scale_by_radam()
    >>> params, grads = {"w": torch.zeros(1)}, {"w": torch.tensor([0.5])}
    >>> hypers = {"beta1": 0.9, "beta2": 0.999, "eps": 0.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> radam.update(grads, radam.init(params), params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([0.5000])

    m, v, m̂ and v̂ as in Adam, ρ∞ = 2 / (1 − β2) − 1 and ρ = ρ∞ − 2·t·β2^t / (1 − β2^t). If ρ > 5,
    u = r·m̂ / √v̂ with r² = (ρ − 4)·(ρ − 2)·ρ∞ / ((ρ∞ − 4)·(ρ∞ − 2)·ρ), else u = m̂. Source: Liu et
    al. 2020 (arXiv 1908.03265), Algorithm 2, where the condition is ρ > 4; torch.optim.RAdam, where
    ε is added to √v.
    """

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        beta1, beta2, eps = hypers["beta1"], hypers["beta2"], hypers["eps"]
        m = moving_average(state["m"], grads, beta1)
        v = moving_average(state["v"], {n: g.square() for n, g in grads.items()}, beta2)
        correction2 = 1 - beta2**step
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * beta2**step / correction2
        is_rectified = length > 5
        ratio = (length - 4) * (length - 2) * longest
        ratio = ratio / ((longest - 4) * (longest - 2) * length)
        # Without rectification the ratio may be negative.
        factor = (ratio.where(is_rectified, 0.0) * correction2).sqrt()
        correction1 = 1 - beta1**step
        updates = {
            n: m[n] / correction1 * (factor / (v[n].sqrt() + eps)).where(is_rectified, 1.0)
            for n in grads
        }
        return updates, {"m": m, "v": v}

    return GradientTransformation(zero_buffers("m", "v"), update)


class RAdam(Rule):
    """RAdam (Liu et al. 2020, arXiv 1908.03265; torch.optim.RAdam).

    Attributes:
        betas: Decay rates β1, β2 of the running averages of g and g².
        eps: ε, added to √v.
    """

    rule: Literal["radam"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)

    defaults_from: ClassVar[str] = "torch.optim.RAdam"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_radam(), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"beta1": self.betas[0], "beta2": self.betas[1], "eps": self.eps}
