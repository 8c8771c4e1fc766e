"""Averages of iterates, in closed form; against packages in tests/components/conformance."""

import torch

from adamcmp.components.averaging import polyak_average, schedule_free
from adamcmp.components.transformations import scale_by_learning_rate
from tests.support.tensors import assert_close


def trained(optimizer, steps, **hypers):
    """Return the weights after each step on the gradient -1, and the last average."""
    values = {"lr": 0.5, "multiplier": 1.0, **hypers}
    values = {name: torch.tensor(v, dtype=torch.float64) for name, v in values.items()}
    params, visited = {"w": torch.zeros(2, dtype=torch.float64)}, []
    state = optimizer.init(params)
    for step in range(1, steps + 1):
        grads = {"w": -torch.ones(2, dtype=torch.float64)}
        updates, state = optimizer.update(grads, state, params, values, torch.tensor(float(step)))
        params = {"w": params["w"] + updates["w"]}
        visited.append(params["w"])
    return torch.stack(visited), optimizer.evaluation_params(params, state)


def test_polyak_average_is_the_mean_of_the_weights_from_step_t0_plus_2_on():
    """torch's μ_t is 1 up to step t0 + 2, which thus replaces the average."""
    visited, average = trained(polyak_average(scale_by_learning_rate()), 9, t0=4.0)
    assert_close(average, {"w": visited[5:].mean(0)})


def test_schedule_free_average_with_a_constant_lr_is_the_mean_of_the_iterates():
    """With β = 0 the trained weights are the iterates; with β = 1 they would be the average."""
    optimizer = schedule_free(scale_by_learning_rate(), "momentum")
    hypers = {"r": 0.0, "weight_lr_power": 2.0}
    visited, average = trained(optimizer, 9, momentum=0.0, **hypers)
    assert_close(average, {"w": visited.mean(0)})
    between, same_average = trained(optimizer, 9, momentum=0.9, **hypers)
    assert_close(same_average, average)
    assert_close({"w": between[-1]}, {"w": 0.1 * visited[-1] + 0.9 * average["w"]})


def test_a_step_without_lr_does_not_enter_the_average():
    optimizer = schedule_free(scale_by_learning_rate(), "momentum")
    hypers = {"momentum": 0.9, "r": 0.0, "weight_lr_power": 2.0}
    _, average = trained(optimizer, 3, multiplier=0.0, **hypers)
    assert torch.equal(average["w"], torch.zeros(2, dtype=torch.float64))
