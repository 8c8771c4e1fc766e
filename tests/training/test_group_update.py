"""The update of a parameter group."""

import torch

from adamcmp.config import build_component, component_defaults
from adamcmp.training.group_update import GroupUpdate, chains


def rule(name="sgd", **settings):
    return build_component("optimizer", {**component_defaults("optimizer", name), **settings})


def params():
    tensors = [torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))]
    for param in tensors:
        param.grad = torch.full_like(param, 0.5)
    return tensors


def test_the_multiplier_is_lr_divided_by_the_base_lr():
    tensors = params()
    group = {"lr": 0.1, "base_lr": 0.2, "weight_decay": 0.3, "momentum": 0.0, "dampening": 0.0}
    with torch.no_grad():
        plain = rule(momentum=0.0, coupling="independent")
        GroupUpdate(plain, tensors, {}).update(group, ["lr", "weight_decay", "momentum"])
    # θ ← θ − s·lr·g − s·wd·θ with s = 0.5
    assert torch.allclose(tensors[0], torch.tensor(1 - 0.1 * 0.5 - 0.5 * 0.3))


def test_it_is_of_the_same_parameters_and_states():
    tensors, states = params(), {}
    update = GroupUpdate(rule(), tensors, states)
    assert update.is_of(tensors, states)
    assert not update.is_of(tensors[:1], states)
    assert not update.is_of(tensors, {param: dict(state) for param, state in states.items()})
    tensors[0].data = tensors[0].data.clone()
    assert not update.is_of(tensors, states)


def test_matrices_and_other_parameters_have_their_chains():
    matrix, vector = params()
    assert [group for _, group in chains(rule(), [matrix, vector])] == [[matrix, vector]]
    norm = rule("adamw", coupling="norm", weight_decay=0.0)
    assert [group for _, group in chains(norm, [matrix, vector])] == [[matrix], [vector]]
