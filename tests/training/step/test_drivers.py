"""Optimizer drivers: several gradients in a step, evaluation parameters, the factory."""

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
from adamcmp.training.torch_state import torch_state
from tests.support.training import FusedGroup

OVERRIDES = ["model=mlp", "model.norm=batch", "model.dropout=0.2", "steps=4", "seed=0,1"]
LR, RHO = 0.1, 0.05


class PlainSGD(OptimizerDriver):
    """Gradient descent in one line, from which test drivers are derived."""

    concatenates = True

    def init(self, params, packing):
        return {"average": {name: param.clone() for name, param in params.items()}}

    def step(self, state, gradients, hypers_M, step_M):
        _, grads = gradients(state["params"])
        for name, param in state["params"].items():
            param.add_(grads[name], alpha=-LR)
        return {name: -LR * grad for name, grad in grads.items()}


class SharpnessAware(PlainSGD):
    """SAM (Foret et al. 2021) with a fixed perturbation: two gradients per step."""

    def step(self, state, gradients, hypers_M, step_M):
        _, grads = gradients(state["params"])
        perturbed = {name: p + RHO * grads[name].sign() for name, p in state["params"].items()}
        _, grads = gradients(perturbed)
        for name, param in state["params"].items():
            param.add_(grads[name], alpha=-LR)
        return {name: -LR * grad for name, grad in grads.items()}


class Averaged(PlainSGD):
    """Evaluates an average of the weights instead of the last ones."""

    def step(self, state, gradients, hypers_M, step_M):
        updates = super().step(state, gradients, hypers_M, step_M)
        for name, average in state["optimizer"]["average"].items():
            average.lerp_(state["params"][name], 0.5)
        return updates

    def evaluation_params(self, state):
        return state["optimizer"]["average"]


def trained(specs, monkeypatch, driver, steps=3, fused=True):
    """Return the training of a group after some steps with a driver, and the last result."""
    monkeypatch.setattr(lanes, "create_driver", lambda optimizer, groups, *, clip, fused: driver)
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
        metrics = evaluate(averaged.lanes, averaged.data).metrics
        norm = averaged.lanes.param_norm()
        assert evaluate(plain.lanes, plain.data).metrics != metrics
        average = averaged.lanes.state["optimizer"]["average"]
        for name, param in plain.lanes.state["params"].items():
            param.copy_(average[name])
        assert evaluate(plain.lanes, plain.data).metrics == metrics
        assert torch.equal(plain.lanes.param_norm(), norm)


def test_each_optimizer_has_its_driver():
    rule = build_component("optimizer", component_defaults("optimizer", "adamw"))
    values = {**component_defaults("optimizer", "torch"), "target": "torch.optim.RAdam"}
    radam = build_component("optimizer", values)
    assert isinstance(create_driver(radam, [], clip=False, fused=False), TorchDriver)
    assert isinstance(create_driver(rule, [], clip=False, fused=True), ChainDriver)
    with pytest.raises(TypeError, match="no driver is registered for str"):
        create_driver("adam", [], clip=False, fused=True)
