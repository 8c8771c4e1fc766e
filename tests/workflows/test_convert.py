"""Conversions of weight decay: published numbers, and equal trajectories of equivalent coefficients."""

import itertools

import pytest
import torch

from adamcmp import torch_optimizer
from adamcmp.errors import ConfigError
from adamcmp.workflows.convert import CONVENTIONS, conversions, convert

PAPER = {"lr": 1e-3, "batch_size": 128, "samples": 50_000, "epochs": 100}


def test_normalized_decay_of_the_paper():
    """Loshchilov & Hutter 2019, appendix B.1, at b = 128 and B = 50,000."""
    assert convert(0.025, "normalized", "independent", **PAPER) == pytest.approx(1.265e-4, rel=1e-3)
    assert convert(0.025, "normalized", "decoupled", **PAPER) == pytest.approx(0.1265, rel=1e-3)
    longer = {**PAPER, "epochs": 1800}
    assert convert(0.025, "normalized", "independent", **longer) == pytest.approx(
        2.981e-5, rel=1e-3
    )


def test_time_scales():
    assert convert(0.1, "decoupled", "time_scale_steps", lr=1e-3) == pytest.approx(10_000)
    epochs = convert(0.1, "decoupled", "time_scale_epochs", lr=1e-3, batch_size=100, samples=5_000)
    assert epochs == pytest.approx(200)


@pytest.mark.parametrize(("source", "target"), [*itertools.permutations(CONVENTIONS, 2)])
def test_there_and_back(source, target):
    converted = convert(0.3, source, target, **PAPER)
    assert convert(converted, target, source, **PAPER) == pytest.approx(0.3)


@pytest.mark.parametrize("source", CONVENTIONS)
def test_equal_coefficients_are_one_update_of_plain_sgd(source):
    """The weights after one step without a gradient, which is the decay alone."""
    wd, lr = convert(0.2, "decoupled", source, **{**PAPER, "lr": 0.5}), 0.5
    for coupling in ("l2", "decoupled", "independent", "fixed", "corrected"):
        coefficient = convert(wd, source, coupling, **{**PAPER, "lr": lr})
        w = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
        w.grad = torch.zeros_like(w)
        torch_optimizer("sgd", [w], lr=lr, wd=coefficient, coupling=coupling, momentum=0).step()
        assert w.item() == pytest.approx(1 - 0.5 * 0.2, rel=1e-12)


def test_a_loss_with_the_sum_of_squares_is_l2_with_twice_the_coefficient():
    w = torch.ones(3, dtype=torch.float64, requires_grad=True)
    (0.05 * w.square().sum()).backward()
    assert convert(0.05, "sum_of_squares", "l2") == pytest.approx(w.grad[0].item())


def test_only_the_inputs_that_a_conversion_needs():
    assert convert(0.1, "l2", "decoupled") == 0.1
    assert convert(0.1, "normalized", "normalized") == 0.1
    missing = {c.convention.name: c.missing for c in conversions(0.1, "decoupled", {})}
    assert missing["sum_of_squares"] == ()
    assert missing["independent"] == ("lr",)
    assert missing["normalized"] == ("lr", "batch_size", "samples", "epochs")
    with pytest.raises(ConfigError, match="also needs --batch-size, --samples, --epochs"):
        convert(0.1, "independent", "normalized")
