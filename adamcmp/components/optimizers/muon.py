"""Muon: orthogonalized momentum for hidden matrices, and AdamW for other parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.optimizers.adam import Adam
from adamcmp.components.transformations import (
    GradientTransformation,
    moving_average,
    scale_by_learning_rate,
    zeros_like,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree

AdjustLr = Literal["original", "match_rms_adamw"]


def orthogonalized_momentum(
    *,
    nesterov: bool,
    coefficients: tuple[float, float, float],
    steps: int,
    eps: float,
    adjust_lr: AdjustLr,
) -> GradientTransformation:
    """Turn g into Muon's direction.

    >>> import torch
    >>> muon = orthogonalized_momentum(
    ...     nesterov=True, coefficients=(3.4445, -4.775, 2.0315), steps=5, eps=1e-7,
    ...     adjust_lr="original")
    >>> grads = {"w": torch.tensor([[30.0, 0.0], [0.0, 10.0]])}
    >>> hypers = {"momentum": torch.tensor(0.95)}
    >>> muon.update(grads, muon.init(grads), grads, hypers, torch.tensor(1.0))[0]["w"].round()
    tensor([[1., 0.],
            [0., 1.]])

    b ← μ·b + (1 − μ)·g, and u = (1 − μ)·g + μ·b for Nesterov momentum, otherwise b. For the matrix
    U·S·Vᵀ of u, the direction is about U·Vᵀ, by Newton–Schulz iterations. It is multiplied by
    √max(1, rows/columns) (``original``) or 0.2·√max(rows, columns) (``match_rms_adamw``). Tensors
    of more dimensions, such as kernels of convolutions, are matrices of shape (first, all others).
    Source: Jordan et al. 2024 (kellerjordan.github.io/posts/muon); Liu et al. 2025 (arXiv
    2502.16982) for ``match_rms_adamw``; torch.optim.Muon.

    Args:
        nesterov: Whether the momentum is Nesterov's.
        coefficients: See `adamcmp.components.linear_algebra.orthogonalize`.
        steps: See there.
        eps: See there.
        adjust_lr: The factor, as above.
    """
    from adamcmp.components.linear_algebra import orthogonalize

    def direction(momentum: Tensor) -> Tensor:
        matrix = momentum.flatten(1) if momentum.ndim > 1 else momentum.reshape(1, -1)
        rows, columns = matrix.shape
        factor = math.sqrt(max(1, rows / max(columns, 1)))
        if adjust_lr == "match_rms_adamw":
            factor = 0.2 * math.sqrt(max(rows, columns))
        return (factor * orthogonalize(matrix, coefficients, steps, eps)).reshape(momentum.shape)

    def update(
        grads: Tree, state: Tree, params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, Tree]:
        mu = hypers["momentum"]
        buffer = moving_average(state, grads, mu)
        momentum = moving_average(buffer, grads, mu) if nesterov else buffer
        return {n: direction(m) for n, m in momentum.items()}, buffer

    return GradientTransformation(zeros_like, update)


class Muon(Rule):
    """Muon for hidden matrices, AdamW for embeddings, the head, biases and norms.

    Jordan et al. 2024 (kellerjordan.github.io/posts/muon); torch.optim.Muon for the matrices. The
    iterations are computed in the type of the parameters, in torch's class in bfloat16.

    Attributes:
        momentum: μ.
        nesterov: Use Nesterov momentum.
        ns_coefficients: Coefficients of the Newton–Schulz iteration.
        ns_steps: Number of Newton–Schulz iterations.
        eps: Smallest norm by which a matrix is divided before the iterations.
        adjust_lr_fn: Factor of lr that depends on a matrix's shape: ``original``, √max(1, rows /
            columns), or ``match_rms_adamw``, 0.2·√max(rows, columns), with which the lr of AdamW
            suits Muon, too (`adamw_lr_scale` = 1).
        adamw_lr_scale: The lr of AdamW as a multiple of `lr`; the default is that of Jordan et al.,
            3e-4 for an lr of 0.02.
        adamw_betas: Betas of AdamW.
        adamw_eps: ε of AdamW.
    """

    rule: Literal["muon"]
    momentum: DecayRate = 0.95
    nesterov: bool = True
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315)
    ns_steps: Annotated[int, Field(ge=1, lt=100)] = 5
    eps: float = Field(default=1e-7, ge=0)
    adjust_lr_fn: AdjustLr = "original"
    adamw_lr_scale: float = Field(default=0.015, ge=0)
    adamw_betas: tuple[DecayRate, DecayRate] = (0.9, 0.95)
    adamw_eps: float = Field(default=1e-10, ge=0)

    elementwise: ClassVar[bool] = False
    defaults_from: ClassVar[str] = (
        "the authors' package; torch.optim.Muon has the same, except its lr 1e-3"
    )
    number_fields: ClassVar[frozenset[str]] = frozenset(
        {"momentum", "adamw_lr_scale", "adamw_betas", "adamw_eps"}
    )
    momentum_hyper: ClassVar[str] = "momentum"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        direction = orthogonalized_momentum(
            nesterov=self.nesterov,
            coefficients=self.ns_coefficients,
            steps=self.ns_steps,
            eps=self.eps,
            adjust_lr=self.adjust_lr_fn,
        )
        return direction, scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"momentum": self.momentum}

    def remaining_rule(self) -> Rule:
        """See `Rule.remaining_rule`."""
        return Adam(
            name="adamw",
            rule="adam",
            coupling="none" if self.coupling == "norm" else self.coupling,
            lr=self.lr * self.adamw_lr_scale,
            weight_decay=self.weight_decay,
            betas=self.adamw_betas,
            eps=self.adamw_eps,
            normalized=self.normalized,
            cautious=self.cautious,
            cautious_updates=self.cautious_updates,
            lookahead_steps=self.lookahead_steps,
            lookahead_alpha=self.lookahead_alpha,
        )
