"""Losses against torch.nn.functional, gradients included."""

import pytest
import torch
from torch.nn import functional as F

from adamcmp.config import build_component
from adamcmp.errors import ConfigError

CLASSES = torch.tensor([0, 2, 1, 2, 0])


def outputs():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(5, 3, generator=generator, dtype=torch.float64)
    return logits.requires_grad_()


def value_and_gradient(loss):
    x = outputs()
    value = loss(x)
    value.backward()
    return value.detach(), x.grad


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_cross_entropy(smoothing):
    loss = build_component("loss", {"name": "cross_entropy", "label_smoothing": smoothing})
    torch.testing.assert_close(
        value_and_gradient(lambda x: loss.training(x, CLASSES)),
        value_and_gradient(lambda x: F.cross_entropy(x, CLASSES, label_smoothing=smoothing)),
    )
    measured = F.cross_entropy(outputs(), CLASSES, reduction="none")  # without smoothing
    torch.testing.assert_close(loss.measured(outputs(), CLASSES), measured)


@pytest.mark.parametrize("targets", [CLASSES, torch.linspace(-1, 1, 15).view(5, 3).double()])
def test_mse(targets):
    """Classes are one-hot targets."""
    loss = build_component("loss", {"name": "mse"})
    real = targets if targets.is_floating_point() else F.one_hot(targets, 3).double()
    torch.testing.assert_close(
        value_and_gradient(lambda x: loss.training(x, targets)),
        value_and_gradient(lambda x: F.mse_loss(x, real)),
    )
    measured = F.mse_loss(outputs(), real, reduction="none").mean(1)
    torch.testing.assert_close(loss.measured(outputs(), targets), measured)


def test_cross_entropy_of_large_logits_is_finite():
    loss = build_component("loss", {"name": "cross_entropy"})
    measured = loss.measured(torch.tensor([[1000.0, 0.0], [0.0, 1000.0]]), torch.tensor([0, 0]))
    assert measured.tolist() == [0.0, 1000.0]


def test_smoothing_is_a_fraction():
    with pytest.raises(ConfigError, match="label_smoothing=1: should be less than 1"):
        build_component("loss", {"name": "cross_entropy", "label_smoothing": 1})
