"""AggMo: the average of several momenta."""

from __future__ import annotations

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


def aggregate_momenta(count: int) -> GradientTransformation:
    """Average several heavy-ball buffers: b_i ← β_i·b_i + g, u = Σ b_i / K.

    >>> import torch
    >>> aggmo = aggregate_momenta(2)
    >>> params, grads = {"w": torch.zeros(1)}, {"w": torch.ones(1)}
    >>> hypers, state = {"beta1": torch.tensor(0.0), "beta2": torch.tensor(0.5)}, aggmo.init(params)
    >>> for step in (1.0, 2.0):
    ...     updates, state = aggmo.update(grads, state, params, hypers, torch.tensor(step))
    ...     print(updates["w"].item())
    1.0
    1.25

    Source: Lucas et al. 2019 (arXiv 1804.00325), equation 4.

    Args:
        count: K. The decay rates are the hyperparameters ``beta1`` to ``beta<K>``.
    """

    def init(params: Tree) -> tuple[Tree, ...]:
        return tuple(zeros_like(params) for _ in range(count))

    def update(
        grads: Tree, state: tuple[Tree, ...], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, tuple[Tree, ...]]:
        buffers = tuple(
            {n: hypers[f"beta{i}"] * buffer[n] + g for n, g in grads.items()}
            for i, buffer in enumerate(state, 1)
        )
        totals = {n: sum((b[n] for b in buffers[1:]), buffers[0][n]) for n in grads}
        return {n: total / count for n, total in totals.items()}, buffers

    return GradientTransformation(init, update)


class AggMo(Rule):
    """Aggregated momentum (Lucas et al. 2019, arXiv 1804.00325).

    Attributes:
        betas: Decay rate β_i of each buffer.
    """

    rule: Literal["aggmo"]
    betas: tuple[DecayRate, ...] = Field(default=(0.0, 0.9, 0.99), min_length=1)

    defaults_from: ClassVar[str] = "the paper"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas"})

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return aggregate_momenta(len(self.betas)), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {f"beta{i}": beta for i, beta in enumerate(self.betas, 1)}

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`; includes the number of buffers."""
        return (*super().structure(), len(self.betas))
