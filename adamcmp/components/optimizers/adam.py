"""Adam and AMSGrad; with a coupling: Adam with L2, AdamW, AMSGradW."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    scale_by_learning_rate,
    zeros_like,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def scale_by_adam(
    amsgrad: bool, *, bias_correction: bool = True, eps_hat: bool = False
) -> GradientTransformation:
    """Turn g into m̂ / (√v̂ + ε) (optax.scale_by_adam).

    >>> import torch
    >>> adam = scale_by_adam(amsgrad=False)
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([0.001, -1000.0])}
    >>> hypers = {"beta1": 0.9, "beta2": 0.999, "eps": 0.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> updates, _ = adam.update(grads, adam.init(params), params, hypers, torch.tensor(1.0))
    >>> updates["w"].round(decimals=3)
    tensor([ 1., -1.])

    m ← β1·m + (1 − β1)·g, v ← β2·v + (1 − β2)·g², m̂ = m / (1 − β1^t), v̂ = v / (1 − β2^t). Source:
    Kingma & Ba 2015, Algorithm 1; torch.optim.Adam.

    Args:
        amsgrad: Whether v̂ is computed from the running maximum of v, as in
            torch.optim.Adam(amsgrad=True). Reddi et al. 2018, Algorithm 2, has no bias correction,
            and optax keeps the maximum of v̂.
        bias_correction: Whether m̂ and v̂ are m and v divided by 1 − β^t, or m and v themselves.
        eps_hat: Whether ε is added to √v before it is divided by √(1 − β2^t), as ε̂ in section 2 of
            the paper, Keras, and the code of Loshchilov & Hutter.
    """

    def init(params: Tree) -> dict[str, Tree]:
        buffers = ("m", "v", "v_max") if amsgrad else ("m", "v")
        return {buffer: zeros_like(params) for buffer in buffers}

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Any]]:
        beta1, beta2, eps = hypers["beta1"], hypers["beta2"], hypers["eps"]
        # Computed in float64, before they meet float32 tensors.
        one_minus_beta1, one_minus_beta2 = 1 - beta1, 1 - beta2
        m = {n: beta1 * state["m"][n] + one_minus_beta1 * g for n, g in grads.items()}
        v = {n: beta2 * state["v"][n] + one_minus_beta2 * g.square() for n, g in grads.items()}
        new = {"m": m, "v": v}
        if amsgrad:
            new["v_max"] = v = {n: v[n].maximum(state["v_max"][n]) for n in v}
        if not bias_correction:
            return {n: m[n] / (v[n].sqrt() + eps) for n in grads}, new
        # As in torch, √v is divided by the root of the correction, which rounds differently from
        # √v̂.
        root_correction2 = (1 - beta2**step).sqrt()
        correction1 = 1 - beta1**step
        if eps_hat:
            eps = eps / root_correction2
        direction = {
            n: (m[n] / correction1) / (v[n].sqrt() / root_correction2 + eps) for n in grads
        }
        return direction, new

    return GradientTransformation(init, update)


class Adam(Rule):
    """Adam (Kingma & Ba 2015; torch.optim.Adam), or AMSGrad (Reddi et al. 2018).

    Attributes:
        betas: Decay rates β1, β2 of the running averages of g and g².
        eps: ε, added to √v̂.
        amsgrad: Keep the running maximum of v.
        eps_hat: Add ε to √v before its bias correction, as Keras does, instead of after it.
    """

    rule: Literal["adam"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)
    amsgrad: bool = False
    eps_hat: bool = False

    neutral: ClassVar[Mapping[str, Any]] = {**Rule.neutral, "eps_hat": False}
    defaults_from: ClassVar[str] = "torch.optim.Adam"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_adam(self.amsgrad, eps_hat=self.eps_hat), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"beta1": self.betas[0], "beta2": self.betas[1], "eps": self.eps}
