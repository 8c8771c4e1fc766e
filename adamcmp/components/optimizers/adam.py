"""Adam and AMSGrad; with a coupling: Adam+L2, AdamW, AMSGradW."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._base import Fraction, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    scale_by_learning_rate,
    zeros_like,
)

if TYPE_CHECKING:
    from typing import Any

    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def scale_by_adam(amsgrad: bool) -> GradientTransformation:
    """Turn g into m̂ / (√v̂ + ε), moments m, v with bias correction.

    Source: Kingma & Ba 2015, Algorithm 1; with `amsgrad` the running maximum of the uncorrected
    v (Reddi et al. 2018, in torch.optim.Adam's form).
    """

    def init(params: Tree) -> dict[str, Tree]:
        buffers = ("m", "v", "v_max") if amsgrad else ("m", "v")
        return {buffer: zeros_like(params) for buffer in buffers}

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Any]]:
        beta1, beta2, eps = hypers["beta1"], hypers["beta2"], hypers["eps"]
        fresh1, fresh2 = 1 - beta1, 1 - beta2
        m = {n: beta1 * state["m"][n] + fresh1 * g for n, g in grads.items()}
        v = {n: beta2 * state["v"][n] + fresh2 * g.square() for n, g in grads.items()}
        new = {"m": m, "v": v}
        if amsgrad:
            new["v_max"] = v = {n: v[n].maximum(state["v_max"][n]) for n in v}
        root_correction2 = (1 - beta2**step).sqrt()
        correction1 = 1 - beta1**step
        direction = {
            n: (m[n] / correction1) / (v[n].sqrt() / root_correction2 + eps) for n in grads
        }
        return direction, new

    return GradientTransformation(init, update)


class Adam(Rule):
    """Adam (Kingma & Ba 2015), or AMSGrad (Reddi et al. 2018).

    Attributes:
        betas: Decay rates of the running averages of g and g².
        eps: Added to √v̂.
        amsgrad: Keep the maximum of v.
    """

    rule: Literal["adam"]
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)
    amsgrad: bool = False

    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_adam(self.amsgrad), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"beta1": self.betas[0], "beta2": self.betas[1], "eps": self.eps}
