"""AdaBound: Adam whose learning rates are bounded, and become that of SGD."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    moving_average,
    zero_buffers,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def adabound_step(amsbound: bool) -> GradientTransformation:
    """Turn g into Adam's step with bounded learning rates.

    >>> import torch
    >>> adabound = adabound_step(amsbound=False)
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([0.001, -1000.0])}
    >>> hypers = {"lr": 0.1, "multiplier": 1.0, "final_lr": 0.5, "gamma": 1.0, "beta1": 0.0}
    >>> hypers |= {"beta2": 0.999, "eps": 0.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> adabound.update(grads, adabound.init(params), params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([-1.0000e-03,  2.5000e+02])

    With m and v as in Adam, the learning rate of each number is r = η_t·√(1 − β2^t) / (1 − β1^t) /
    (√v + ε), bounded between s_t·final_lr·(1 − 1/(γ·t + 1)) and s_t·final_lr·(1 + 1/(γ·t)).
    u = −r·m. Source: Luo et al. 2019 (arXiv 1902.09843), Algorithm 2, with the bias corrections
    and bounds of the authors' package, and without the paper's factor 1/√t.

    Args:
        amsbound: Whether v is its running maximum (AMSBound, Algorithm 3 of the paper).
    """

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        beta1, beta2 = hypers["beta1"], hypers["beta2"]
        m = moving_average(state["m"], grads, beta1)
        v = moving_average(state["v"], {n: g.square() for n, g in grads.items()}, beta2)
        new = {"m": m, "v": v}
        if amsbound:
            new["v_max"] = v = {n: v[n].maximum(state["v_max"][n]) for n in v}
        eta = hypers["multiplier"] * hypers["lr"]
        scale = eta * (1 - beta2**step).sqrt() / (1 - beta1**step)
        final_lr, speed = hypers["multiplier"] * hypers["final_lr"], hypers["gamma"] * step
        lowest, highest = final_lr * (1 - 1 / (speed + 1)), final_lr * (1 + 1 / speed)
        rates = {n: scale / (v[n].sqrt() + hypers["eps"]) for n in grads}
        return {n: -(r.maximum(lowest).minimum(highest) * m[n]) for n, r in rates.items()}, new

    return GradientTransformation(zero_buffers("m", "v", *(["v_max"] * amsbound)), update)


class AdaBound(Rule):
    """AdaBound and AMSBound (Luo et al. 2019, arXiv 1902.09843).

    Attributes:
        betas: Decay rates β1, β2 of the running averages of g and g².
        eps: ε, added to √v.
        final_lr: Learning rate of SGD, to which the bounds converge; the schedule scales it, too.
        gamma: γ, the speed of convergence of the bounds.
        amsbound: Keep the running maximum of v.
    """

    rule: Literal["adabound"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)
    final_lr: float = Field(default=0.1, ge=0)
    gamma: float = Field(default=1e-3, gt=0)
    amsbound: bool = False

    defaults_from: ClassVar[str] = "the authors' package"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps", "final_lr", "gamma"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return (adabound_step(self.amsbound),)

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {
            "beta1": self.betas[0],
            "beta2": self.betas[1],
            "eps": self.eps,
            "final_lr": self.final_lr,
            "gamma": self.gamma,
        }
