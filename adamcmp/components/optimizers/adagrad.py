"""Adagrad."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    scale_by_learning_rate,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def scale_by_sum_of_squares(initial: float) -> GradientTransformation:
    """Divide g by the root of the sum of all g² (optax.scale_by_rss).

    >>> import torch
    >>> adagrad = scale_by_sum_of_squares(initial=0.0)
    >>> params, grads = {"w": torch.zeros(1)}, {"w": torch.tensor([5.0])}
    >>> hypers = {"eps": torch.tensor(0.0), "lr_decay": torch.tensor(0.0)}
    >>> state = adagrad.init(params)
    >>> for step in (1.0, 2.0, 3.0, 4.0):
    ...     updates, state = adagrad.update(grads, state, params, hypers, torch.tensor(step))
    >>> updates["w"]
    tensor([0.5000])

    G ← G + g², u = g / (√G + ε) / (1 + (t − 1)·d) with the decay d of the learning rate. Source:
    Duchi, Hazan & Singer 2011 (JMLR 12), diagonal form; torch.optim.Adagrad.
    Keras and optax add ε to G instead.

    Args:
        initial: Initial value of the sum G.
    """

    def init(params: Tree) -> Tree:
        return {name: p.new_full(p.shape, initial) for name, p in params.items()}

    def update(
        grads: Tree, state: Tree, params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, Tree]:
        total = {n: state[n] + g.square() for n, g in grads.items()}
        scale = 1 / (1 + (step - 1) * hypers["lr_decay"])
        return {n: scale * (g / (total[n].sqrt() + hypers["eps"])) for n, g in grads.items()}, total

    return GradientTransformation(init, update)


class Adagrad(Rule):
    """Adagrad (Duchi, Hazan & Singer 2011; torch.optim.Adagrad).

    Attributes:
        lr_decay: Decay d of the learning rate: it is divided by 1 + (t − 1)·d at step t.
        initial_accumulator_value: Initial value of the sum of squared gradients.
        eps: ε, added to the root of the sum.
    """

    rule: Literal["adagrad"]
    lr_decay: float = Field(default=0.0, ge=0)
    initial_accumulator_value: float = Field(default=0.0, ge=0)
    eps: float = Field(default=1e-10, ge=0)

    defaults_from: ClassVar[str] = "torch.optim.Adagrad"
    number_fields: ClassVar[frozenset[str]] = frozenset({"lr_decay", "eps"})

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_sum_of_squares(self.initial_accumulator_value), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"lr_decay": self.lr_decay, "eps": self.eps}
