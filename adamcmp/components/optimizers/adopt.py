"""ADOPT: Adam that converges with any β2."""

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


def scale_by_adopt(clip: bool) -> GradientTransformation:
    """Normalize g by the average of earlier g², then average.

    >>> import torch
    >>> adopt = scale_by_adopt(clip=True)
    >>> params, grads = {"w": torch.zeros(1)}, {"w": torch.tensor([2.0])}
    >>> hypers = {"beta1": 0.75, "beta2": 0.5, "eps": 1e-6}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> state = adopt.init(params)
    >>> for step in (1.0, 2.0):
    ...     updates, state = adopt.update(grads, state, params, hypers, torch.tensor(step))
    ...     print(updates["w"].item())
    0.0
    0.25

    v_0 = g_1² and no step at first; then m ← β1·m + (1 − β1)·c(g / max(√v, ε)), u = m,
    v ← β2·v + (1 − β2)·g², where c clips each number to ±(t − 1)^(1/4). Source: Taniguchi et al.
    2024 (arXiv 2411.02853), Algorithm 2.

    Args:
        clip: Whether there is a clipping c.
    """

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        is_later = step > 1
        normalized = {
            n: g / state["v"][n].sqrt().clamp(min=hypers["eps"]) for n, g in grads.items()
        }
        if clip:
            bound = (step - 1) ** 0.25
            normalized = {n: g.clamp(-bound, bound) for n, g in normalized.items()}
        m = moving_average(state["m"], normalized, hypers["beta1"])
        m = {n: value.where(is_later, 0.0) for n, value in m.items()}
        squares = {n: g.square() for n, g in grads.items()}
        v = moving_average(state["v"], squares, hypers["beta2"])
        v = {n: value.where(is_later, squares[n]) for n, value in v.items()}
        return dict(m), {"m": m, "v": v}

    return GradientTransformation(zero_buffers("m", "v"), update)


class ADOPT(Rule):
    """ADOPT (Taniguchi et al. 2024, arXiv 2411.02853).

    Attributes:
        betas: Decay rates β1, β2 of the running averages.
        eps: ε, the smallest root of v.
        clip: Clip each number of the normalized gradient at step t to ±(t − 1)^(1/4).
    """

    rule: Literal["adopt"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.9999)
    eps: float = Field(default=1e-6, gt=0)
    clip: bool = True

    defaults_from: ClassVar[str] = "the authors' package"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_adopt(self.clip), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"beta1": self.betas[0], "beta2": self.betas[1], "eps": self.eps}
