"""Layer normalization and attention by torch's kernels, batched such that a lane keeps its bits.

`torch.vmap` calls the batching rules of this module (the methods `vmap`). With torch's rules, these
functions are slower, or cannot be traced with a symbolic number of lanes.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

#: Fewer keys are padded to this number: narrower products and softmaxes are slower on a CPU.
_MIN_KEYS = 16


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Normalize over the last axis (Ba et al. 2016), then scale and shift.

    Args:
        x: Values (…, D).
        weight: Scales (D,).
        bias: Shifts (D,).
        eps: Added to the variance.

    Returns:
        The result (…, D).
    """
    normalized: Tensor = _LayerNorm.apply(x, weight, bias, eps)[0]  # type: ignore[no-untyped-call]
    return normalized


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return softmax(q·kᵀ/√d)·v (Vaswani et al. 2017, section 3.2.1).

    Args:
        q: Queries (B, H, T, d) of H heads and T tokens.
        k: Keys, of the same shape.
        v: Values, of the same shape.

    Returns:
        The attended values (B, H, T, d).
    """
    tokens = q.shape[2]
    if tokens < _MIN_KEYS:
        k, v = (F.pad(part, (0, 0, 0, _MIN_KEYS - tokens)) for part in (k, v))
    inputs = (part.flatten(0, 1) for part in (q, k, v))
    values: Tensor = _Attention.apply(*inputs)[0]  # type: ignore[no-untyped-call]
    return values.view(q.shape)


class _LayerNorm(torch.autograd.Function):
    """Maps (x, weight, bias, eps) to the result, and the mean and 1/std of each row."""

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        return torch.native_layer_norm(x, weight.shape, weight, bias, eps)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, weight, bias, _ = inputs
        _, mean, inverse_std = output
        ctx.mark_non_differentiable(mean, inverse_std)
        ctx.save_for_backward(x, weight, bias, mean, inverse_std)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        x, weight, bias, mean, inverse_std = ctx.saved_tensors
        arguments = (grad, x, weight.shape, mean, inverse_std, weight, bias)
        needed = ctx.needs_input_grad[:3]
        return *torch.ops.aten.native_layer_norm_backward(*arguments, needed), None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> tuple[tuple[Tensor, Tensor, Tensor], Any]:
        *tensors, eps = inputs
        x, weight, bias = (_lanes_first(*pair) for pair in zip(tensors, in_dims[:3], strict=True))
        # The kernel takes one weight for all rows, so each lane's weight is applied after it.
        one = torch.ones(x.shape[-1], dtype=x.dtype, device=x.device)
        zero = torch.zeros(x.shape[-1], dtype=x.dtype, device=x.device)
        normalized, mean, inverse_std = _LayerNorm.apply(x, one, zero, eps)  # type: ignore[no-untyped-call]
        row = (-1, *[1] * (x.ndim - 2), x.shape[-1])
        scaled = torch.addcmul(bias.view(row), normalized, weight.view(row))
        return (scaled, mean, inverse_std), (0, 0, 0)


class _Attention(torch.autograd.Function):
    """Maps q (N, T, d), k and v (N, S, d) to the result and the softmax (N, T, S); N = B·H.

    Keys after the first T are padding, without weight. Lanes are merged with N. The gradients have
    the layout of q, k and v, for which autograd would transpose them.
    """

    @staticmethod
    def forward(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        mask = torch.zeros(q.shape[1], dtype=q.dtype, device=q.device)
        mask = F.pad(mask, (0, k.shape[1] - q.shape[1]), value=-torch.inf)
        scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=q.shape[-1] ** -0.5)
        weights = scores.softmax(-1).to(q.dtype)
        # Autocast computes the products in bfloat16, also those of float32 tensors.
        return torch.bmm(weights, v).to(q.dtype), weights

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs, output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(
        ctx: Any, d_values: Tensor | None, further_d_weights: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v, weights = ctx.saved_tensors
        if d_values is None:
            d_values = torch.zeros_like(q)
        d_weights = torch.bmm(d_values, v.transpose(1, 2))
        if further_d_weights is not None:  # when the backward pass is differentiated
            d_weights = d_weights + further_d_weights
        d_scores = torch.ops.aten._softmax_backward_data(d_weights, weights, -1, weights.dtype)
        zero = torch.zeros((), dtype=q.dtype, device=q.device)
        scaled = partial(torch.baddbmm, zero, beta=0, alpha=q.shape[-1] ** -0.5)
        d_v = torch.bmm(weights.transpose(1, 2), d_values)
        return scaled(d_scores, k), scaled(d_scores.transpose(1, 2), q), d_v

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Tensor) -> tuple[tuple[Tensor, Tensor], Any]:
        merged = (_lanes_first(*pair).flatten(0, 1) for pair in zip(inputs, in_dims, strict=True))
        outputs = _Attention.apply(*merged)  # type: ignore[no-untyped-call]
        values, weights = (output.unflatten(0, (info.batch_size, -1)) for output in outputs)
        return (values, weights), (0, 0)


def _lanes_first(tensor: Tensor, dim: int) -> Tensor:
    return tensor.movedim(dim, 0) if dim else tensor
