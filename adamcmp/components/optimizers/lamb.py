"""LAMB: Adam whose step is scaled to the norm of each layer's weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.optimizers.adam import scale_by_adam
from adamcmp.components.transformations import (
    GradientTransformation,
    scale_by_learning_rate,
    stateless,
)

if TYPE_CHECKING:
    from adamcmp.components.transformations import Hypers, Tree


def scale_to_weights() -> GradientTransformation:
    """Scale the step of each tensor to the norm of its weights: u ← η_t·‖θ‖·u / ‖u‖.

    >>> import torch
    >>> params, updates = {"w": torch.tensor([2.0, 0.0])}, {"w": torch.tensor([3.0, 4.0])}
    >>> hypers = {"lr": torch.tensor(0.5), "multiplier": torch.tensor(1.0)}
    >>> scale_to_weights().update(updates, {}, params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([0.6000, 0.8000])

    If one of the norms is 0, u stays. Source: You et al. 2020 (arXiv 1904.00962), Algorithm 2 with
    φ(z) = z, as in optax.scale_by_trust_ratio.
    """

    def update(updates: Tree, params: Tree, hypers: Hypers) -> Tree:
        eta = hypers["multiplier"] * hypers["lr"]
        scaled = {}
        for n, u in updates.items():
            weights, length = params[n].square().sum().sqrt(), u.square().sum().sqrt()
            ratio = (eta * weights / length).where((weights > 0) & (length > 0), 1.0)
            scaled[n] = ratio * u
        return scaled

    return stateless(update)


class LAMB(Rule):
    """LAMB (You et al. 2020, arXiv 1904.00962).

    With ``decoupled``, the paper's algorithm with φ(z) = z. Some packages limit ‖θ‖ to 10.

    Attributes:
        betas: Decay rates β1, β2 of the running averages of g and g².
        eps: ε, added to √v̂.
        bias_correction: Divide the averages by 1 − β^t, as in Algorithm 2 of the paper, optax and
            NVIDIA Apex. The paper's earlier versions and pytorch-lamb do not.
        decay_in_trust_ratio: Scale the sum of step and decay to the norm of the weights, as the
            paper does; with false, the weights decay in addition to the scaled step.
    """

    rule: Literal["lamb"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    eps: float = Field(default=1e-6, ge=0)
    bias_correction: bool = True
    decay_in_trust_ratio: bool = True

    elementwise: ClassVar[bool] = False
    defaults_from: ClassVar[str] = "the paper, and ε 1e-6 of optax and NVIDIA Apex"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"
    refused_couplings: ClassVar[Mapping[str, str]] = {
        "norm": "norm fixes the length of every update, as LAMB does. Use optimizer=adam"
    }

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return *self._adam_step(), scale_to_weights()

    def with_decay(self, decay: GradientTransformation) -> tuple[GradientTransformation, ...]:
        """See `Rule.with_decay`."""
        if self.decay_in_trust_ratio:
            return *self._adam_step(), decay, scale_to_weights()
        return super().with_decay(decay)

    def _adam_step(self) -> tuple[GradientTransformation, ...]:
        adam = scale_by_adam(amsgrad=False, bias_correction=self.bias_correction)
        return adam, scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"beta1": self.betas[0], "beta2": self.betas[1], "eps": self.eps}
