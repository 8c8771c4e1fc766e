"""Chains of transformations: parameter groups, clipping, parameters without gradient."""

import prodigyopt
import pytest
import torch

from adamcmp.config import CONFIG_GROUPS
from adamcmp.training.step.drivers import ChainDriver
from adamcmp.training.step.packing import Packing
from tests.support.rules import predefined


def values(optimizer):
    numbers = {**optimizer.hypers(), "multiplier": 1.0, "grad_clip": 0.1}
    return {name: torch.tensor([value], dtype=torch.float64) for name, value in numbers.items()}


def tensors(seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"w": (3, 2), "b": (3,), "head": (2, 3)}
    return {name: torch.randn(1, *shape, generator=generator) for name, shape in shapes.items()}


ROLES = {"w": "matrices", "b": "biases_norms", "head": "head"}


def updated(optimizer, params, gradients, *, clip=False):
    """Return the parameters after one step.

    Args:
        gradients: The gradients, or a function that returns them at given parameters.
    """
    params = {name: param.clone() for name, param in params.items()}
    groups = optimizer.parameter_groups(ROLES)
    driver = ChainDriver(optimizer, groups, clip=clip, fused=True)
    packing = Packing(params, [group.names for group in groups], False)
    state = {"params": params, "optimizer": driver.init(params, packing)}

    def evaluated(at):
        return torch.zeros(1), gradients(at) if callable(gradients) else gradients

    driver.step(state, evaluated, values(optimizer), torch.ones(1, dtype=torch.float64))
    return params


def test_each_parameter_group_has_its_own_hyperparameters():
    params, grads = tensors(0), tensors(1)
    group = {"lr_scale": 10.0, "weight_decay": 0.5}
    both = updated(predefined("adamw", lr=0.01, groups={"head": group}), params, grads)
    slow, fast = predefined("adamw", lr=0.01), predefined("adamw", lr=0.1, weight_decay=0.5)
    for names, optimizer in ((["w", "b"], slow), (["head"], fast)):
        one_group = updated(optimizer, params, grads)
        for name in names:
            torch.testing.assert_close(both[name], one_group[name])


def test_clipping_takes_the_norm_of_all_groups():
    params, grads = tensors(0), tensors(1)
    one_group = updated(predefined("sgd"), params, grads, clip=True)
    grouped = predefined("sgd", groups={"head": {"lr_scale": 1.0}})
    two_groups = updated(grouped, params, grads, clip=True)
    assert all(torch.equal(one_group[name], two_groups[name]) for name in params)
    assert not torch.equal(two_groups["w"], updated(grouped, params, grads)["w"])


@pytest.mark.parametrize("adaptive", [False, True])
def test_sam_takes_the_gradient_after_the_ascent_of_all_groups(adaptive):
    """Against plain SGD on the gradient at θ + ε, with a quadratic loss of different curvatures."""
    params, curvature = tensors(0), {name: t.abs() for name, t in tensors(1).items()}

    def gradients(at):
        return {name: curvature[name] * param for name, param in at.items()}

    sgd = {"lr": 0.1, "momentum": 0.0, "groups": {"head": {"lr_scale": 1.0}}}
    sam = predefined("sgd", **sgd, sam_rho=0.3, sam_adaptive=adaptive)
    grads = gradients(params)
    weights = {name: param.abs() if adaptive else 1.0 for name, param in params.items()}
    norm = sum(float((weights[n] * g).square().sum()) for n, g in grads.items()) ** 0.5
    ascended = {n: p + 0.3 * weights[n] ** 2 * grads[n] / norm for n, p in params.items()}
    expected = updated(predefined("sgd", **sgd), params, gradients(ascended))
    for name, param in updated(sam, params, gradients).items():
        torch.testing.assert_close(param, expected[name])


def test_sam_without_some_gradients():
    """A parameter on which the loss does not depend is neither perturbed nor updated."""
    params = tensors(0)
    optimizer = predefined("sgd", sam_rho=0.3)
    visited = []

    def gradients(at):
        visited.append(at)
        return {"b": torch.ones(1, 3)}

    after = updated(optimizer, params, gradients)
    assert torch.equal(visited[1]["w"], params["w"]) and torch.equal(after["w"], params["w"])
    torch.testing.assert_close(visited[1]["b"], params["b"] + 0.3 / 3**0.5)


def test_lookahead_is_evaluated_at_its_slow_weights():
    optimizer = predefined("sgd", lookahead_steps=5)
    params, groups = tensors(0), optimizer.parameter_groups(ROLES)
    driver = ChainDriver(optimizer, groups, clip=False, fused=True)
    packing = Packing(params, [group.names for group in groups], False)
    moved = {name: param.clone() for name, param in params.items()}
    state = {"params": moved, "optimizer": driver.init(moved, packing)}
    step_M = torch.ones(1, dtype=torch.float64)
    driver.step(state, lambda _: (torch.zeros(1), tensors(1)), values(optimizer), step_M)
    evaluated = driver.evaluation_params(state)
    assert all(torch.equal(evaluated[name], params[name]) for name in params)
    assert not any(torch.equal(moved[name], params[name]) for name in params)


@pytest.mark.parametrize("use_bias_correction", [False, True])
def test_parameters_without_a_gradient_share_the_estimate_of_prodigy(use_bias_correction):
    settings = {"lr": 1.0, "d0": 0.01, "use_bias_correction": use_bias_correction}
    optimizer = predefined("prodigy", **settings)
    params = {name: tensor.double() for name, tensor in tensors(0).items()}
    groups = optimizer.parameter_groups(ROLES)
    packing = Packing(params, [group.names for group in groups], optimizer.concatenates)
    driver = ChainDriver(optimizer, groups, clip=False, fused=True)
    weights = {name: torch.nn.Parameter(param[0].clone()) for name, param in params.items()}
    theirs = prodigyopt.Prodigy(weights.values(), weight_decay=0.0, **settings)
    state = {"params": params, "optimizer": driver.init(params, packing)}
    for step, having in enumerate(("w b head", "w", "w b", "head", "w b head", "w b head"), 1):
        grads = {n: p + tensors(step)[n] for n, p in params.items() if n in having.split()}
        for name, weight in weights.items():
            weight.grad = grads[name][0].clone() if name in grads else None
        theirs.step()
        count = torch.full((1,), float(step), dtype=torch.float64)
        driver.step(state, lambda _, g=grads: (torch.zeros(1), g), values(optimizer), count)
    assert theirs.param_groups[0]["d"] > 0.02
    for name, weight in weights.items():
        torch.testing.assert_close(params[name][0], weight.detach())


#: All rules, except those that count steps together.
RULES = [name for name in CONFIG_GROUPS["optimizer"].names if name not in ("torch", "prodigy")]


@pytest.mark.parametrize("name", RULES)
def test_steps_without_a_gradient_do_not_count(name):
    """A parameter is then trained as if there were only the steps with its gradient."""
    optimizer, params = predefined(name), tensors(0)
    groups = optimizer.parameter_groups(ROLES)

    def trained(steps, names):
        """Train; the steps name the gradients' seeds and the parameters that have one."""
        packing = Packing(params, [group.names for group in groups], optimizer.concatenates)
        driver = ChainDriver(optimizer, groups, clip=False, fused=True)
        state = {"params": packing.pack({n: param.clone() for n, param in params.items()})}
        state["optimizer"] = driver.init(state["params"], packing)
        for step, (seed, having) in enumerate(steps, start=1):
            grads = {n: g for n, g in tensors(seed).items() if n in having}
            given = packing.pack(grads) if len(grads) == len(params) else grads
            count = torch.full((1,), float(step), dtype=torch.float64)
            driver.step(state, lambda _, g=given: (torch.zeros(1), g), values(optimizer), count)
        evaluated = packing.unpack(driver.evaluation_params(state))
        return {n: (packing.unpack(state["params"])[n], evaluated[n]) for n in names}

    everywhere = {"w", "b", "head"}
    actual = trained([(1, everywhere), (2, {"w"}), (3, {"w"}), (4, everywhere)], everywhere)
    expected = trained([(1, everywhere), (4, everywhere)], {"b", "head"})
    expected |= trained([(seed, everywhere) for seed in (1, 2, 3, 4)], {"w"})
    for name in everywhere:
        torch.testing.assert_close(actual[name], expected[name])


@pytest.mark.parametrize("concatenate", [True, False])
@pytest.mark.parametrize("fused", [True, False])
def test_a_parameter_without_gradient_and_its_state_stay(fused, concatenate):
    """Each of the others counts its own steps, so that a new one starts like in step 1."""
    params, grads = tensors(0), tensors(1)
    optimizer = predefined("adamw", groups={"head": {"lr_scale": 1.0}})
    first = updated(optimizer, params, grads)
    groups = optimizer.parameter_groups(ROLES)
    packing = Packing(params, [group.names for group in groups], concatenate)
    driver = ChainDriver(optimizer, groups, clip=False, fused=fused)
    state = {"params": packing.pack({name: param.clone() for name, param in params.items()})}
    state["optimizer"] = driver.init(state["params"], packing)
    partial = {name: grads[name] for name in ("b", "head")}
    for step, given in enumerate((partial, partial, packing.pack(grads)), start=1):
        count = torch.full((1,), float(step), dtype=torch.float64)
        given = dict(given)
        driver.step(state, lambda _, g=given: (torch.zeros(1), g), values(optimizer), count)
        if step == 2:
            assert torch.equal(packing.unpack(state["params"])["w"], params["w"])
    torch.testing.assert_close(packing.unpack(state["params"])["w"], first["w"])
    assert driver.state_dict() == {"skipped": {"w": 2}}
