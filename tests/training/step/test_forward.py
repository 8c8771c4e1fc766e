"""Training losses and metrics of lanes, compared with torch on single runs."""

import math

import pytest
import torch
from torch.nn import functional as F

from adamcmp.training.step.batching import remove_lane_dimension
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
    loss_M, assigned = forward.training_loss(params, {}, x, y, torch.zeros(2, dtype=torch.int64))
    assert assigned == {}
    measured_MB, wrong_MB, _ = forward.metrics(params, {}, x, y)
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
    _, wrong_MB, _ = Forward(network, step_config(specs)).metrics(params, {}, x, y)
    assert wrong_MB[0, 1]


def test_the_error_of_real_targets_is_squared(examples, specs):
    """It is averaged over the outputs of an example, as is the loss `mse`."""
    network, params, x, _ = examples
    config = step_config(specs, "dataset.task=regression", "loss=mse")
    loss_MB, error_MB, _ = Forward(network, config).metrics(params, {}, x, torch.zeros(2, 3, 3))
    expected = outputs(params, x, 1).square().mean(1)
    torch.testing.assert_close(loss_MB[1], expected)
    torch.testing.assert_close(error_MB[1], expected)


def test_an_unfused_lane_has_the_same_loss(examples, specs):
    network, params, x, y = examples
    key_M = torch.zeros(2, dtype=torch.int64)
    fused, _ = Forward(network, step_config(specs)).training_loss(params, {}, x, y, key_M)
    first = {name: param[:1] for name, param in params.items()}
    single = Forward(network, step_config(specs, fused=False))
    loss, _ = single.training_loss(*remove_lane_dimension((first, {}, x, y, key_M)))
    torch.testing.assert_close(loss, fused[0])


@pytest.mark.parametrize("fused", [True, False])
def test_buffers_that_a_network_assigns_are_returned(fused, specs):
    """Not those that it changes in place."""

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("assigned", torch.zeros(3))
            self.register_buffer("in_place", torch.zeros(3))

        def forward(self, x):
            self.assigned = self.assigned + x.sum(0)
            self.in_place += 1
            return x

    x, y = torch.ones(1, 2, 3), torch.zeros(1, 2, dtype=torch.int64)
    buffers = {"assigned": torch.full((1, 3), 5.0), "in_place": torch.zeros(1, 3)}
    forward = Forward(Network(), step_config(specs, fused=fused))
    arguments = ({}, buffers, x, y, torch.zeros(1, dtype=torch.int64))
    _, assigned = forward.training_loss(*(arguments if fused else remove_lane_dimension(arguments)))
    assert {n: t.squeeze(0).tolist() for n, t in assigned.items()} == {"assigned": [7.0] * 3}
    assert buffers["in_place"].tolist() == [[1.0] * 3]
    assert forward.metrics({}, buffers, x, y)[2].keys() == {"assigned"}
