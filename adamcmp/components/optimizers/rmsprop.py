"""RMSprop, also centered and with momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.optimizers.sgd import momentum as accumulate
from adamcmp.components.transformations import (
    GradientTransformation,
    moving_average,
    scale_by_learning_rate,
    zeros_like,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def scale_by_rms(*, centered: bool, eps_in_root: bool) -> GradientTransformation:
    """Divide g by the root of the running average of g² (optax.scale_by_rms, scale_by_stddev).

    >>> import torch
    >>> rms = scale_by_rms(centered=False, eps_in_root=False)
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([0.001, -1000.0])}
    >>> hypers = {"alpha": torch.tensor(0.75), "eps": torch.tensor(0.0)}
    >>> rms.update(grads, rms.init(params), params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([ 2., -2.])

    v ← α·v + (1 − α)·g², u = g / (√v + ε). Source: Tieleman & Hinton 2012, lecture 6.5 of Neural
    Networks for Machine Learning; torch.optim.RMSprop.

    Args:
        centered: Whether the variance v − a², with a ← α·a + (1 − α)·g, replaces v (Graves 2013,
            arXiv 1308.0850).
        eps_in_root: Whether u = g / √(v + ε), as in TensorFlow and optax.
    """

    def init(params: Tree) -> dict[str, Tree]:
        return {buffer: zeros_like(params) for buffer in (("v", "a") if centered else ("v",))}

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        alpha, eps = hypers["alpha"], hypers["eps"]
        squares = {n: g.square() for n, g in grads.items()}
        new = {"v": moving_average(state["v"], squares, alpha)}
        variance = new["v"]
        if centered:
            new["a"] = moving_average(state["a"], grads, alpha)
            variance = {n: v - new["a"][n].square() for n, v in new["v"].items()}
        if eps_in_root:
            return {n: g / (variance[n] + eps).sqrt() for n, g in grads.items()}, new
        return {n: g / (variance[n].sqrt() + eps) for n, g in grads.items()}, new

    return GradientTransformation(init, update)


class RMSprop(Rule):
    """RMSprop (Tieleman & Hinton 2012; torch.optim.RMSprop).

    Attributes:
        alpha: Decay rate α of the running average of g².
        eps: ε, added to √v.
        eps_in_root: Add ε to v instead of √v, as in TensorFlow and optax.
        centered: Divide by the standard deviation of g instead of the root of the mean of g².
        momentum: μ of a heavy-ball buffer of the scaled gradients; 0 keeps no buffer.
    """

    rule: Literal["rmsprop"]
    alpha: DecayRate = 0.99
    eps: float = Field(default=1e-8, ge=0)
    eps_in_root: bool = False
    centered: bool = False
    momentum: DecayRate = 0.0

    defaults_from: ClassVar[str] = "torch.optim.RMSprop"
    number_fields: ClassVar[frozenset[str]] = frozenset({"alpha", "eps", "momentum"})
    momentum_hyper: ClassVar[str] = "momentum"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        scaled = scale_by_rms(centered=self.centered, eps_in_root=self.eps_in_root)
        if not self.momentum:
            return scaled, scale_by_learning_rate()
        buffer = accumulate(nesterov=False, dampened=False, average=False)
        return scaled, buffer, scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"alpha": self.alpha, "eps": self.eps, "momentum": self.momentum}

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`; includes whether momentum is used."""
        return (*super().structure(), self.momentum > 0)
