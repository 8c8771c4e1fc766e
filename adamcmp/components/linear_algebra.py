"""Operations on matrices that optimizers share, written for one run.

Shapes: m × n matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def orthogonalize(
    matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """Return approximately the closest orthogonal matrix, by Newton–Schulz iterations.

    For a matrix U·S·Vᵀ, the result is U·S'·Vᵀ. With the coefficients of Muon and 5 steps, the
    singular values S' are between about 0.7 and 1.2 for all those that are at least a hundredth of
    the matrix's norm. Source: Jordan et al. 2024 (kellerjordan.github.io/posts/muon);
    torch.optim.Muon, which computes it in bfloat16, while this function keeps the type.

    Args:
        matrix: (m, n).
        coefficients: a, b, c of the polynomial a·s + b·s³ + c·s⁵, which each step applies to every
            singular value s.
        steps: Number of iterations.
        eps: Smallest norm by which the matrix is divided at first.
    """
    a, b, c = coefficients
    x = matrix / matrix.square().sum().sqrt().clamp(min=eps)
    if is_tall := matrix.shape[0] > matrix.shape[1]:
        x = x.mT
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if is_tall else x


def eigenvectors(matrix: Tensor) -> Tensor:
    """Return the eigenvectors of a symmetric matrix as columns, by descending eigenvalues.

    If the matrix is not finite, they are the unit vectors, because LAPACK raises an error.
    """
    unit = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    vectors: Tensor = torch.linalg.eigh(matrix.where(matrix.isfinite().all(), unit)).eigenvectors
    return vectors.flip(-1)


def when(
    condition: Tensor, function: Callable[..., tuple[Tensor, ...]], *tensors: Tensor
) -> tuple[Tensor, ...]:
    """Return ``function(*tensors)`` if the condition holds, otherwise the tensors.

    Under vmap, the function is called only if the condition holds for one of the lanes. It cannot
    be traced, since Python reads the condition.

    Args:
        condition: 0-dimensional bool.
        function: Takes the tensors and returns new ones of the same shapes.
        *tensors: Its arguments.
    """
    apply: Callable[..., tuple[Tensor, ...]] = _When.apply
    return apply(function, condition, *tensors)


class _When(torch.autograd.Function):
    """See `when`. An autograd function sees the tensors of all lanes under vmap."""

    @staticmethod
    def forward(
        function: Callable[..., tuple[Tensor, ...]], condition: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        return function(*tensors) if condition else tuple(t.clone() for t in tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Required by functorch; there is no backward pass."""

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        function: Callable[..., tuple[Tensor, ...]],
        condition: Tensor,
        *tensors: Tensor,
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        condition_M, *tensors_M = (
            t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)
            for t, dim in zip((condition, *tensors), in_dims[1:], strict=True)
        )
        dims = (0,) * len(tensors)
        if not condition_M.any():
            return tuple(t.clone() for t in tensors_M), dims
        new = torch.vmap(function)(*tensors_M)
        return torch.vmap(_where)(condition_M, new, tuple(tensors_M)), dims


def _where(
    condition: Tensor, new: tuple[Tensor, ...], old: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    return tuple(n.where(condition, o) for n, o in zip(new, old, strict=True))
