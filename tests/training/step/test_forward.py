"""Training losses and metrics of lanes, compared with torch on single runs."""

import math

import pytest
import torch
from torch.nn import functional as F

from adamcmp.training.step.forward import Forward
from tests.support.lanes import step_config


@pytest.fixture
def examples():
    """Two lanes of a linear network, with a batch of three examples each."""
    network = torch.nn.Linear(4, 3)
    generator = torch.Generator().manual_seed(0)
    params = {
        "weight": torch.randn(2, 3, 4, generator=generator),
        "bias": torch.randn(2, 3, generator=generator),
    }
    x = torch.randn(2, 3, 4, generator=generator)
    return network, params, x, torch.tensor([[0, 1, 2], [2, 2, 0]])


def outputs(params, x, lane):
    return F.linear(x[lane], params["weight"][lane], params["bias"][lane])


def test_losses_and_wrong_predictions_are_those_of_each_lane(examples, specs):
    network, params, x, y = examples
    forward = Forward(network, step_config(specs, "loss.label_smoothing=0.2"))
    loss_M = forward.training_loss(params, {}, x, y, torch.zeros(2, dtype=torch.int64))
    measured_MB, wrong_MB = forward.metrics(params, {}, x, y)
    for lane in range(2):
        logits = outputs(params, x, lane)
        smoothed = F.cross_entropy(logits, y[lane], label_smoothing=0.2)
        torch.testing.assert_close(loss_M[lane], smoothed)
        # Evaluations report the loss without smoothing.
        torch.testing.assert_close(
            measured_MB[lane], F.cross_entropy(logits, y[lane], reduction="none")
        )
        assert wrong_MB[lane].tolist() == (logits.argmax(1) != y[lane]).tolist()


def test_an_example_without_finite_outputs_is_wrong(examples, specs):
    network, params, x, y = examples
    x[0, 1, 0] = math.nan
    y[0, 1] = 0  # argmax would return a class for NaN, too
    _, wrong_MB = Forward(network, step_config(specs)).metrics(params, {}, x, y)
    assert wrong_MB[0, 1]


def test_a_real_target_is_never_wrong(examples, specs):
    network, params, x, _ = examples
    config = step_config(specs, "dataset.task=regression", "loss=mse")
    loss_MB, wrong_MB = Forward(network, config).metrics(params, {}, x, torch.zeros(2, 3, 3))
    assert not wrong_MB.any()
    expected = outputs(params, x, 1).square().mean(1)
    torch.testing.assert_close(loss_MB[1], expected)


def test_an_unfused_lane_has_the_same_loss(examples, specs):
    network, params, x, y = examples
    key_M = torch.zeros(2, dtype=torch.int64)
    fused = Forward(network, step_config(specs)).training_loss(params, {}, x, y, key_M)
    first = {name: param[:1] for name, param in params.items()}
    single = Forward(network, step_config(specs, fused=False))
    loss_M = single.training_loss(first, {}, x[:1], y[:1], key_M[:1])
    torch.testing.assert_close(loss_M, fused[:1])
