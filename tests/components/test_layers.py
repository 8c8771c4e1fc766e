"""Layers against those of torch, and in closed form."""

import pytest
import torch
from torch import nn

from adamcmp.components.layers import (
    Attention,
    BasicBlock,
    BatchNorm,
    Dropout,
    LayerNorm,
    Patches,
    number_sites,
)


def test_dropout_drops_its_share_and_keeps_the_mean():
    network = torch.nn.Sequential(Dropout(0.3), Dropout(0.3))
    assert number_sites(network) == ["0.key", "1.key"]
    first, second = network
    first.key.fill_(5)
    second.key.fill_(5)
    ones = torch.ones(200, 500)
    a, b = first(ones), second(ones)
    assert abs((a == 0).double().mean() - 0.3) < 0.005
    assert abs(a.mean() - 1) < 0.01
    assert not torch.equal(a, b)
    assert torch.equal(first(ones), a)
    first.key.fill_(6)
    assert not torch.equal(first(ones), a)
    network.eval()
    assert torch.equal(network(ones), ones)


def test_batchnorm_equals_torch():
    torch.manual_seed(0)
    ours, torchs = BatchNorm(5).double(), nn.BatchNorm1d(5).double()
    for _ in range(3):
        x = torch.randn(9, 5).double() * 3 + 1
        torch.testing.assert_close(ours(x), torchs(x))
    ours.eval(), torchs.eval()
    torch.testing.assert_close(ours(x), torchs(x))
    torch.testing.assert_close(ours.running_var, torchs.running_var)


@pytest.mark.parametrize("layer", [BatchNorm(5), nn.BatchNorm1d(5)])
def test_batchnorm_refuses_a_single_example_in_training(layer):
    x = torch.randn(1, 5)
    with pytest.raises(ValueError, match=r"more than (one|1)"):
        layer(x)
    assert layer.eval()(x).shape == (1, 5)


@pytest.mark.parametrize("tokens", [1, 7, 16, 19])  # fewer than 16 keys are padded
def test_attention_equals_torch(tokens):
    torch.manual_seed(0)
    ours = Attention(12, 3).double()
    torchs = nn.MultiheadAttention(12, 3, batch_first=True).double()
    with torch.no_grad():
        torchs.in_proj_weight.copy_(ours.qkv.weight)
        torchs.in_proj_bias.copy_(ours.qkv.bias)
        torchs.out_proj.weight.copy_(ours.out.weight)
        torchs.out_proj.bias.copy_(ours.out.bias)
    x = torch.randn(4, tokens, 12).double()
    expected = values_and_gradients(lambda x: torchs(x, x, x)[0], torchs, x)
    actual = values_and_gradients(ours, ours, x)
    torch.testing.assert_close(actual, expected)


def test_patches_equal_unfold_of_torch():
    x = torch.randn(2, 3, 8, 12)
    expected = nn.functional.unfold(x, 4, stride=4).transpose(1, 2)
    torch.testing.assert_close(Patches(4)(x), expected)


def test_layernorm_equals_torch():
    torch.manual_seed(0)
    ours, torchs = LayerNorm(5).double(), nn.LayerNorm(5).double()
    with torch.no_grad():
        for layer in (ours, torchs):
            layer.weight.copy_(torch.arange(5.0) - 2)
            layer.bias.copy_(torch.arange(5.0))
    x = torch.randn(3, 4, 5).double() * 3 + 1
    expected = values_and_gradients(torchs, torchs, x)
    torch.testing.assert_close(values_and_gradients(ours, ours, x), expected)


def values_and_gradients(function, layer, x):
    """Return a layer's output, and the gradients of a function of it by `x` and its parameters."""
    x = x.clone().requires_grad_()
    y = function(x)
    return [y.detach(), *torch.autograd.grad(y.pow(3).sum(), [x, *layer.parameters()])]


@pytest.mark.parametrize(("channels", "stride"), [(2, 1), (5, 2)])
def test_a_block_without_weights_is_its_shortcut(channels, stride):
    """He et al. 2016, option A: every other pixel, and zeros in the added channels."""
    block = BasicBlock(2, channels, stride, [nn.Identity(), nn.Identity()])
    nn.init.zeros_(block.conv2.weight)
    x = torch.rand(3, 2, 6, 6)
    out = block(x)
    assert torch.equal(out[:, :2], x[:, :, ::stride, ::stride])
    assert not out[:, 2:].any() and out.shape[1] == channels
