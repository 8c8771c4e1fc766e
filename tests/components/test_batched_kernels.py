"""Second derivatives of the kernels, and their bits over numbers of lanes."""

import pytest
import torch
from torch.autograd import gradgradcheck

from adamcmp.components.batched_kernels import attention, layer_norm


def random(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def normalized(x, weight, bias):
    return layer_norm(x, weight, bias, 1e-5)


@pytest.mark.parametrize(
    ("function", "shapes"),
    [(normalized, [(2, 3), (3,), (3,)]), (attention, [(1, 2, 3, 2)] * 3)],
)
def test_second_derivatives(function, shapes):
    """Some optimizers differentiate the gradient; compared with finite differences."""
    inputs = [tensor.double().requires_grad_() for tensor in random(*shapes)]
    assert gradgradcheck(function, inputs)


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        pytest.param(normalized, [(5, 3, 13), (13,), (13,)], id="layer_norm"),
        pytest.param(attention, [(9, 3, 7, 4)] * 3, id="attention of few tokens"),
        pytest.param(attention, [(3, 4, 17, 5)] * 3, id="attention"),
    ],
)
def test_bits_do_not_depend_on_the_number_of_lanes(function, shapes):
    tensors = random(*[(8, *shape) for shape in shapes])
    (cotangent,) = random((8, *shapes[0]))

    def of_lanes(lanes):
        inputs = [tensor[lanes].clone().requires_grad_() for tensor in tensors]
        y = torch.vmap(function)(*inputs)
        return [y.detach(), *torch.autograd.grad(y, inputs, cotangent[lanes])]

    all_lanes = of_lanes(slice(0, 8))
    for lanes in (slice(0, 1), slice(7, 8), slice(3, 5), slice(1, 6)):
        for some, tensor in zip(of_lanes(lanes), all_lanes, strict=True):
            assert torch.equal(some, tensor[lanes])


def test_the_dtype_of_results_and_gradients_under_autocast():
    """Under autocast, lanes have float32 tensors where a single lane has bfloat16."""
    inputs = [tensor.requires_grad_() for tensor in random(*[(2, 3, 2, 5, 4)] * 3)]
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        values = torch.vmap(attention)(*inputs)
    grads = torch.autograd.grad(values.sum(), inputs)
    assert {tensor.dtype for tensor in (values, *grads)} == {torch.float32}
    torch.testing.assert_close(values, torch.vmap(attention)(*inputs), rtol=0.05, atol=0.05)
