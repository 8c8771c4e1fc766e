"""Optimizer drivers: several gradients in a step, evaluation parameters, parameter groups."""

import pytest
import torch

from adamcmp.config import build_component, component_defaults
from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.evaluate import evaluate
from adamcmp.training.loop import GroupTraining
from adamcmp.training.step import lanes
from adamcmp.training.step.drivers import (
    ChainDriver,
    OptimizerDriver,
    TorchDriver,
    create_driver,
)
from adamcmp.training.step.packing import Packing
from adamcmp.training.torch_state import torch_state
from tests.support.training import FusedGroup

OVERRIDES = ["model=mlp", "model.norm=batch", "model.dropout=0.2", "steps=4", "seed=0,1"]
LR, RHO = 0.1, 0.05


class PlainSGD(OptimizerDriver):
    """Gradient descent in one line, from which test drivers are derived."""

    elementwise = True

    def init(self, params, packing):
        return {"average": {name: param.clone() for name, param in params.items()}}

    def step(self, state, gradients, hypers, step_M):
        _, grads = gradients(state["params"])
        for name, param in state["params"].items():
            param.add_(grads[name], alpha=-LR)
        return {name: -LR * grad for name, grad in grads.items()}


class SharpnessAware(PlainSGD):
    """SAM (Foret et al. 2021) with a fixed perturbation: two gradients per step."""

    def step(self, state, gradients, hypers, step_M):
        _, grads = gradients(state["params"])
        perturbed = {name: p + RHO * grads[name].sign() for name, p in state["params"].items()}
        _, grads = gradients(perturbed)
        for name, param in state["params"].items():
            param.add_(grads[name], alpha=-LR)
        return {name: -LR * grad for name, grad in grads.items()}


class Averaged(PlainSGD):
    """Evaluates an average of the weights instead of the last ones."""

    def step(self, state, gradients, hypers, step_M):
        updates = super().step(state, gradients, hypers, step_M)
        for name, average in state["optimizer"]["average"].items():
            average.lerp_(state["params"][name], 0.5)
        return updates

    def evaluation_params(self, state):
        return state["optimizer"]["average"]


def trained(specs, monkeypatch, driver, steps=3, fused=True):
    """Return the training of a group after some steps with a driver, and the last result."""
    monkeypatch.setattr(lanes, "create_driver", lambda optimizer, *, clip, fused: driver)
    with torch_state():
        planned = tuple(specs(OVERRIDES))
        training = GroupTraining(FusedGroup(planned[:2]) if fused else LaneGroup(planned[:1]))
        result = training.lanes.steps(training.chunk(0), steps)
    return training, result


@pytest.mark.parametrize("fused", [True, False])
def test_a_step_may_evaluate_several_gradients(fused, specs, monkeypatch):
    """Loss, gradient norm and running statistics are those of the first one."""
    plain, plain_result = trained(specs, monkeypatch, PlainSGD(), 1, fused)
    sam, sam_result = trained(specs, monkeypatch, SharpnessAware(), 1, fused)
    assert torch.equal(plain_result.loss_M, sam_result.loss_M)
    assert torch.equal(plain_result.grad_norm_M, sam_result.grad_norm_M)
    assert not torch.equal(plain_result.update_norm_M, sam_result.update_norm_M)
    statistics = [
        {n: b for n, b in training.lanes.state["buffers"].items() if "running" in n}
        for training in (plain, sam)
    ]
    assert statistics[0]
    for name, values in statistics[0].items():
        assert torch.equal(values, statistics[1][name])


def test_evaluations_measure_the_evaluation_parameters(specs, monkeypatch):
    """Both the metrics and the norm of the parameters."""
    averaged, _ = trained(specs, monkeypatch, Averaged())
    plain, _ = trained(specs, monkeypatch, PlainSGD())
    with torch_state():
        metrics, norm = evaluate(averaged.lanes, averaged.data), averaged.lanes.param_norm()
        assert evaluate(plain.lanes, plain.data) != metrics
        average = averaged.lanes.state["optimizer"]["average"]
        for name, param in plain.lanes.state["params"].items():
            param.copy_(average[name])
        assert evaluate(plain.lanes, plain.data) == metrics
        assert torch.equal(plain.lanes.param_norm(), norm)


# ---------------------------------------------------------------------------- parameter groups


def rule(name="adamw"):
    return build_component("optimizer", component_defaults("optimizer", name))


def radam():
    defaults = component_defaults("optimizer", "torch")
    return build_component("optimizer", {**defaults, "target": "torch.optim.RAdam"})


def values(**numbers):
    return {name: torch.tensor([value], dtype=torch.float64) for name, value in numbers.items()}


def tensors(seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"w": (3, 2), "b": (3,), "head": (2, 3)}
    return {name: torch.randn(1, *shape, generator=generator) for name, shape in shapes.items()}


def updated(names_of_groups, hypers, params, grads, *, optimizer="adamw", clip=False):
    """Return the parameters after one step."""
    params = {name: param.clone() for name, param in params.items()}
    driver = create_driver(rule(optimizer), clip=clip, fused=True)
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
    driver = create_driver(rule(), clip=False, fused=fused)
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


# --------------------------------------------------------------------------------- the factory


def test_each_optimizer_has_its_driver():
    assert isinstance(create_driver(radam(), clip=False, fused=False), TorchDriver)
    assert isinstance(create_driver(rule(), clip=False, fused=True), ChainDriver)
    with pytest.raises(TypeError, match="no driver is registered for str"):
        create_driver("adam", clip=False, fused=True)


def test_a_torch_class_has_one_parameter_group():
    driver = create_driver(radam(), clip=False, fused=False)
    with pytest.raises(ValueError, match="single parameter group"):
        driver.init(tensors(0), Packing(tensors(0), GROUPS, False))
