"""The update of a parameter group."""

from typing import get_args

import pytest
import torch

from adamcmp.components.optimizers._base import Coupling
from adamcmp.errors import ConfigError
from adamcmp.training.group_update import GroupUpdate, chains
from adamcmp.workflows.components import list_components
from tests.support.rules import predefined

#: Every optimizer, by the name of its yaml file.
OPTIMIZERS = [name for name in list_components("optimizer")["optimizer"] if name != "torch"]


def params():
    tensors = [torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))]
    for param in tensors:
        param.grad = torch.full_like(param, 0.5)
    return tensors


def test_the_multiplier_is_lr_divided_by_the_base_lr():
    tensors = params()
    group = {"lr": 0.1, "base_lr": 0.2, "weight_decay": 0.3, "momentum": 0.0, "dampening": 0.0}
    with torch.no_grad():
        plain = predefined("sgd", momentum=0.0, coupling="independent")
        GroupUpdate(plain, tensors, {}).update(group, ["lr", "weight_decay", "momentum"])
    # θ ← θ − s·lr·g − s·wd·θ with s = 0.5
    assert torch.allclose(tensors[0], torch.tensor(1 - 0.1 * 0.5 - 0.5 * 0.3))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_without_decay_the_update_is_that_with_a_decay_of_0(name):
    """The state has the same structure, so that a group's weight decay may become 0."""
    for coupling in get_args(Coupling):
        try:
            optimizer = predefined(name, coupling=coupling, weight_decay=0.0)
        except ConfigError:  # the coupling does not apply
            continue
        (group,) = optimizer.parameter_groups({"w": "matrices"})
        weights, grads = {"w": torch.randn(3, 2)}, {"w": torch.randn(3, 2)}
        numbers = optimizer.group_hypers(group, {**optimizer.hypers(), "multiplier": 1.0})
        hypers = {n: torch.tensor(value, dtype=torch.float64) for n, value in numbers.items()}
        results = [
            chain.update(grads, chain.init(weights), weights, hypers, torch.tensor(1.0))
            for chain in (optimizer.group_chain(group, decays=d) for d in (True, False))
        ]
        torch.testing.assert_close(*results)


def test_it_is_of_the_same_parameters_and_states():
    tensors, states = params(), {}
    update = GroupUpdate(predefined("sgd"), tensors, states)
    assert update.is_of(tensors, states)
    assert not update.is_of(tensors[:1], states)
    assert not update.is_of(tensors, {param: dict(state) for param, state in states.items()})
    tensors[0].data = tensors[0].data.clone()
    assert not update.is_of(tensors, states)


def test_matrices_and_other_parameters_have_their_chains():
    matrix, vector = params()
    assert [group for _, group in chains(predefined("sgd"), [matrix, vector])] == [[matrix, vector]]
    norm = predefined("adamw", coupling="norm", weight_decay=0.0)
    assert [group for _, group in chains(norm, [matrix, vector])] == [[matrix], [vector]]
