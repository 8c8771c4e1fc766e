"""Classes of torch.optim: their updates, and their one parameter group."""

import pytest
import torch

from adamcmp.config import build_component, component_defaults
from adamcmp.training.step.drivers import TorchDriver
from adamcmp.training.step.packing import Packing


def radam():
    defaults = component_defaults("optimizer", "torch")
    return build_component("optimizer", {**defaults, "target": "torch.optim.RAdam"})


def tensors(seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(1, 3, generator=generator) for name in ("w", "b")}


def test_updates_are_those_of_torch():
    """A parameter without gradient stays, and gradients are clipped to a norm."""
    params, grads = tensors(0), {"w": tensors(1)["w"]}
    expected = torch.nn.Parameter(params["w"][0].clone())
    expected.grad = grads["w"][0].clone()
    torch.nn.utils.clip_grad_norm_([expected], 0.1)
    torch.optim.RAdam([expected], lr=0.05).step()

    driver = TorchDriver(radam(), clip=True)
    before = {name: param.clone() for name, param in params.items()}
    state = {
        "params": params,
        "optimizer": driver.init(params, Packing(params, [["w", "b"]], False)),
    }
    numbers = {"lr": 0.1, "multiplier": 0.5, "grad_clip": 0.1}
    hypers = {name: torch.tensor([value]).double() for name, value in numbers.items()}
    updates = driver.step(
        state, lambda _, create_graph: (torch.zeros(1), grads), hypers, torch.ones(1)
    )
    assert torch.equal(params["w"][0], expected.detach())
    assert torch.equal(params["b"], before["b"])
    torch.testing.assert_close(updates["w"], params["w"] - before["w"])


def test_a_class_has_one_parameter_group():
    params = tensors(0)
    with pytest.raises(ValueError, match="single parameter group"):
        TorchDriver(radam(), clip=False).init(params, Packing(params, [["w"], ["b"]], False))
