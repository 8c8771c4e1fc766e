"""Adadelta."""

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


def scale_by_adadelta() -> GradientTransformation:
    """Give g the size of the average update (optax.scale_by_adadelta).

    >>> import torch
    >>> adadelta = scale_by_adadelta()
    >>> params, grads = {"w": torch.zeros(1)}, {"w": torch.tensor([-1000.0])}
    >>> hypers = {"rho": torch.tensor(0.75), "eps": torch.tensor(0.01)}
    >>> adadelta.update(grads, adadelta.init(params), params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([-0.2000])

    v ← ρ·v + (1 − ρ)·g², u = g·√(d + ε) / √(v + ε), d ← ρ·d + (1 − ρ)·u². Source: Zeiler 2012
    (arXiv 1212.5701), Algorithm 1; torch.optim.Adadelta.
    """

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        rho, eps = hypers["rho"], hypers["eps"]
        v = moving_average(state["v"], {n: g.square() for n, g in grads.items()}, rho)
        updates = {
            n: (state["d"][n] + eps).sqrt() / (v[n] + eps).sqrt() * g for n, g in grads.items()
        }
        d = moving_average(state["d"], {n: u.square() for n, u in updates.items()}, rho)
        return updates, {"v": v, "d": d}

    return GradientTransformation(zero_buffers("v", "d"), update)


class Adadelta(Rule):
    """Adadelta (Zeiler 2012, arXiv 1212.5701; torch.optim.Adadelta).

    Attributes:
        rho: Decay rate ρ of the running averages of g² and of the squared updates.
        eps: ε, added within both roots.
    """

    rule: Literal["adadelta"]
    rho: DecayRate = 0.9
    eps: float = Field(default=1e-6, gt=0)

    defaults_from: ClassVar[str] = "torch.optim.Adadelta"
    number_fields: ClassVar[frozenset[str]] = frozenset({"rho", "eps"})

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_adadelta(), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"rho": self.rho, "eps": self.eps}
