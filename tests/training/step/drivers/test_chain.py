"""Chains of transformations: parameter groups, clipping, parameters without gradient."""

import pytest
import torch

from adamcmp.config import build_component, component_defaults
from adamcmp.training.step.drivers import ChainDriver
from adamcmp.training.step.packing import Packing


def rule(name="adamw"):
    return build_component("optimizer", component_defaults("optimizer", name))


def values(**numbers):
    return {name: torch.tensor([value], dtype=torch.float64) for name, value in numbers.items()}


def tensors(seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"w": (3, 2), "b": (3,), "head": (2, 3)}
    return {name: torch.randn(1, *shape, generator=generator) for name, shape in shapes.items()}


def updated(names_of_groups, hypers, params, grads, *, optimizer="adamw", clip=False):
    """Return the parameters after one step."""
    params = {name: param.clone() for name, param in params.items()}
    driver = ChainDriver(rule(optimizer), clip=clip, fused=True)
    state = {
        "params": params,
        "optimizer": driver.init(params, Packing(params, names_of_groups, False)),
    }
    loss_M = torch.zeros(1)
    driver.step(state, lambda _: (loss_M, grads), hypers, torch.ones(1, dtype=torch.float64))
    return params


NUMBERS = {**rule().hypers(), "multiplier": 1.0, "grad_clip": 0.1}
GROUPS = [["w", "b"], ["head"]]


def test_each_parameter_group_has_its_own_hyperparameters():
    params, grads = tensors(0), tensors(1)
    slow, fast = values(**NUMBERS), values(**NUMBERS | {"lr": 0.1})
    both = updated(GROUPS, [slow, fast], params, grads)
    for names, hypers in zip(GROUPS, (slow, fast), strict=True):
        one_group = updated([list(params)], [hypers], params, grads)
        assert all(torch.equal(both[name], one_group[name]) for name in names)


def test_clipping_takes_the_norm_of_all_groups():
    params, grads = tensors(0), tensors(1)
    hypers = values(**rule("sgd").hypers(), multiplier=1.0, grad_clip=0.1)
    one_group = updated([list(params)], [hypers], params, grads, optimizer="sgd", clip=True)
    two_groups = updated(GROUPS, [hypers, hypers], params, grads, optimizer="sgd", clip=True)
    assert all(torch.equal(one_group[name], two_groups[name]) for name in params)
    unclipped = updated(GROUPS, [hypers, hypers], params, grads, optimizer="sgd")
    assert not torch.equal(two_groups["w"], unclipped["w"])


@pytest.mark.parametrize("concatenate", [True, False])
@pytest.mark.parametrize("fused", [True, False])
def test_a_parameter_without_gradient_and_its_state_stay(fused, concatenate):
    """Each of the others counts its own steps, so that a new one starts like in step 1."""
    params, grads = tensors(0), tensors(1)
    first = updated(GROUPS, [values(**NUMBERS)] * 2, params, grads)
    packing = Packing(params, GROUPS, concatenate)
    driver = ChainDriver(rule(), clip=False, fused=fused)
    state = {"params": packing.pack({name: param.clone() for name, param in params.items()})}
    state["optimizer"] = driver.init(state["params"], packing)
    partial = {name: grads[name] for name in ("b", "head")}
    for step, given in enumerate((partial, partial, packing.pack(grads)), start=1):
        count = torch.full((1,), float(step), dtype=torch.float64)
        given = dict(given)
        driver.step(state, lambda _, g=given: (torch.zeros(1), g), [values(**NUMBERS)] * 2, count)
        if step == 2:
            assert torch.equal(packing.unpack(state["params"])["w"], params["w"])
    torch.testing.assert_close(packing.unpack(state["params"])["w"], first["w"])
    assert driver.state_dict() == {"skipped": {"w": 2}}
