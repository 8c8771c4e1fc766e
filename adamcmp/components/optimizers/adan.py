"""Adan: adaptive Nesterov momentum."""

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


def scale_by_adan() -> GradientTransformation:
    """Turn g into Adan's step.

    >>> import torch
    >>> adan = scale_by_adan()
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([0.001, -1000.0])}
    >>> hypers = {"beta1": 0.98, "beta2": 0.92, "beta3": 0.99, "eps": 0.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> updates, _ = adan.update(grads, adan.init(params), params, hypers, torch.tensor(1.0))
    >>> updates["w"].round(decimals=3)
    tensor([ 1., -1.])

    With the difference d = g_t − g_{t−1}, 0 at first: m ← β1·m + (1 − β1)·g, v ← β2·v + (1 − β2)·d,
    n ← β3·n + (1 − β3)·(g + β2·d)², u = (m̂ + β2·v̂) / (√n̂ + ε), with bias corrections as in Adam.
    Source: Xie et al. 2022 (arXiv 2208.06677), Algorithm 1, in which β is 1 − β here; bias
    corrections as in the authors' package.
    """

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        beta1, beta2, beta3 = hypers["beta1"], hypers["beta2"], hypers["beta3"]
        is_later = step > 1
        change = {n: (g - state["previous"][n]).where(is_later, 0.0) for n, g in grads.items()}
        lookahead = {n: (g + beta2 * change[n]).square() for n, g in grads.items()}
        new = {
            "m": moving_average(state["m"], grads, beta1),
            "v": moving_average(state["v"], change, beta2),
            "n": moving_average(state["n"], lookahead, beta3),
            "previous": grads,
        }
        weight_m, weight_v = 1 / (1 - beta1**step), beta2 / (1 - beta2**step)
        correction3 = 1 - beta3**step
        updates = {
            n: (weight_m * new["m"][n] + weight_v * new["v"][n])
            / ((new["n"][n] / correction3).sqrt() + hypers["eps"])
            for n in grads
        }
        return updates, new

    return GradientTransformation(zero_buffers("m", "v", "n", "previous"), update)


class Adan(Rule):
    """Adan (Xie et al. 2022, arXiv 2208.06677).

    Its authors decay weights by θ ← θ / (1 + s_t·lr·wd), which `decoupled` equals up to the square
    of s_t·lr·wd.

    Attributes:
        betas: Decay rates β1, β2, β3 of the running averages of g, of its differences, and of the
            squares.
        eps: ε, added to the root.
    """

    rule: Literal["adan"]
    betas: tuple[DecayRate, DecayRate, DecayRate] = (0.98, 0.92, 0.99)
    eps: float = Field(default=1e-8, ge=0)

    defaults_from: ClassVar[str] = "the authors' package"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_adan(), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        betas = {f"beta{i}": beta for i, beta in enumerate(self.betas, 1)}
        return {**betas, "eps": self.eps}
