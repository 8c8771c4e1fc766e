"""Training and evaluation steps as functions of the lanes' state."""

import math

import pytest
import torch
from torch.nn import functional as F

from adamcmp.components.optimizers import ParameterGroup
from adamcmp.training.step.drivers import create_driver
from adamcmp.training.step.functions import LaneFunctions
from adamcmp.training.step.packing import Packing
from tests.support.lanes import step_config

LANES = 2


@pytest.fixture
def functions_and_state(specs):
    """Return the functions of two lanes of a linear network with plain SGD, and their state."""
    config = step_config(specs, "optimizer=sgd", "optimizer.momentum=0", "seed=0,1")
    network = torch.nn.Linear(4, 3)
    params = {name: torch.stack([p.detach()] * LANES) for name, p in network.named_parameters()}
    packing = Packing(params, [list(params)], False)
    groups = [ParameterGroup("", tuple(params))]
    driver = create_driver(config.optimizer, groups, clip=False, fused=True)
    state = {
        "params": packing.pack(params),
        "buffers": {},
        "keys": {},
        "optimizer": driver.init(packing.pack(params), packing),
        "bound": torch.full((LANES,), torch.inf, dtype=torch.float64),
        "stopped": torch.full((LANES,), -1),
    }
    return LaneFunctions(network, [], packing, driver, config), state


@pytest.fixture
def batch():
    """Five examples, the same for each lane."""
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    return x.expand(LANES, 5, 4), torch.arange(5).remainder(3).expand(LANES, 5)


def hypers(step, lr=0.1):
    values = {"lr": lr, "multiplier": 1.0, "weight_decay": 0.0, "step": float(step)}
    return {n: torch.full((LANES,), value, dtype=torch.float64) for n, value in values.items()}


def of_lane(state, lane):
    """Return a trainable copy of a lane's parameters."""
    return [state["params"][n][lane].clone().requires_grad_() for n in ("weight", "bias")]


def test_gradients_are_those_of_each_lane(functions_and_state, batch):
    functions, state = functions_and_state
    unused_keys = torch.zeros(LANES, dtype=torch.int64)
    loss_M, grads = functions.gradients(state["params"], {}, batch, unused_keys)
    for lane in range(LANES):
        weight, bias = of_lane(state, lane)
        loss = F.cross_entropy(F.linear(batch[0][lane], weight, bias), batch[1][lane])
        loss.backward()
        torch.testing.assert_close(loss_M[lane], loss.detach())
        torch.testing.assert_close(grads["weight"][lane], weight.grad)
        torch.testing.assert_close(grads["bias"][lane], bias.grad)


def test_a_step_descends_along_the_gradient(functions_and_state, batch):
    functions, state = functions_and_state
    weight, bias = of_lane(state, 1)
    F.cross_entropy(F.linear(batch[0][1], weight, bias), batch[1][1]).backward()
    _, grad_norm_M, update_norm_M = functions.train(state, *batch, hypers(step=1))
    torch.testing.assert_close(state["params"]["weight"][1], weight.detach() - 0.1 * weight.grad)
    norm = torch.cat([weight.grad.flatten(), bias.grad]).norm()
    torch.testing.assert_close(grad_norm_M[1], norm)
    torch.testing.assert_close(update_norm_M[1], 0.1 * norm)


@pytest.mark.parametrize("bound", [0.0, math.nan])
def test_the_first_step_above_the_bound_is_recorded(bound, functions_and_state, batch):
    """No loss is below NaN; steps before the diverged one count."""
    functions, state = functions_and_state
    functions.train(state, *batch, hypers(step=1))
    state["bound"][1] = bound
    for step in (2, 3):
        functions.train(state, *batch, hypers(step))
    assert state["stopped"].tolist() == [-1, 1]


def test_evaluation_does_not_count_padding(functions_and_state, batch):
    functions, state = functions_and_state
    x, y = (tensor[0] for tensor in batch)
    valid = torch.tensor([True, True, True, False, False])
    weight = torch.tensor([2.0, 3.0, 5.0, 7.0, 11.0])
    loss_M, wrong_M, weighted_M, loss_MB, wrong_MB = functions.evaluate(state, x, y, weight, valid)
    logits = F.linear(x[:3], state["params"]["weight"][1], state["params"]["bias"][1])
    assert loss_M[1].item() == pytest.approx(F.cross_entropy(logits, y[:3], reduction="sum").item())
    wrong = logits.argmax(1) != y[:3]
    assert wrong_M[1].item() == wrong.sum().item()
    assert weighted_M[1].item() == (wrong * weight[:3]).sum().item()
    assert wrong_MB[1].tolist() == [*wrong, 0, 0]
    losses = F.cross_entropy(logits, y[:3], reduction="none").double()
    torch.testing.assert_close(loss_MB[1], torch.cat([losses, torch.zeros(2).double()]))
