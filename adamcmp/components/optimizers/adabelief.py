"""AdaBelief: Adam with the variance of g around its average."""

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


def scale_by_belief() -> GradientTransformation:
    """Divide the average of g by the root of the average of (g − m)² (optax.scale_by_belief).

    >>> import torch
    >>> belief = scale_by_belief()
    >>> params, grads = {"w": torch.zeros(1)}, {"w": torch.tensor([-1000.0])}
    >>> hypers = {"beta1": 0.75, "beta2": 0.999, "eps": 0.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> belief.update(grads, belief.init(params), params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([-1.3333])

    m ← β1·m + (1 − β1)·g, s ← β2·s + (1 − β2)·(g − m)² + ε, u = m̂ / (√ŝ + ε), with bias corrections
    as in Adam. Source: Zhuang et al. 2020 (arXiv 2010.07468), Algorithm 2. The authors' package
    also rectifies the step as in RAdam by default.
    """

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        beta1, beta2, eps = hypers["beta1"], hypers["beta2"], hypers["eps"]
        m = moving_average(state["m"], grads, beta1)
        squares = {n: (g - m[n]).square() for n, g in grads.items()}
        s = {n: v + eps for n, v in moving_average(state["s"], squares, beta2).items()}
        correction1, correction2 = 1 - beta1**step, 1 - beta2**step
        updates = {n: (m[n] / correction1) / ((s[n] / correction2).sqrt() + eps) for n in grads}
        return updates, {"m": m, "s": s}

    return GradientTransformation(zero_buffers("m", "s"), update)


class AdaBelief(Rule):
    """AdaBelief (Zhuang et al. 2020, arXiv 2010.07468).

    Attributes:
        betas: Decay rates β1, β2 of the running averages of g and (g − m)².
        eps: ε, added to s at each step, and to √ŝ.
    """

    rule: Literal["adabelief"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    eps: float = Field(default=1e-16, ge=0)

    defaults_from: ClassVar[str] = "the authors' package"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_belief(), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"beta1": self.betas[0], "beta2": self.betas[1], "eps": self.eps}
