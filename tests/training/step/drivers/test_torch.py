"""Classes of torch.optim: their updates, and their parameter groups."""

import copy

import pytest
import torch

from adamcmp.config import build_component, component_defaults
from adamcmp.errors import ConfigError
from adamcmp.training.step.drivers import TorchDriver
from adamcmp.training.step.packing import Packing

ROLES = {"w": "matrices", "head": "head", "b": "biases_norms"}
SHAPES = {"w": (3, 2), "head": (2, 3), "b": (3,)}
NUMBERS = {"lr": 0.1, "multiplier": 0.5, "grad_clip": 0.1}


def component(target="torch.optim.RAdam", **settings):
    values = {**component_defaults("optimizer", "torch"), "target": target, **settings}
    return build_component("optimizer", values)


def tensors(seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(1, *shape, generator=generator) for name, shape in SHAPES.items()}


def driver_and_state(optimizer, clip=False):
    """Return the driver of an optimizer, and the state with some parameters."""
    params, groups = tensors(0), optimizer.parameter_groups(ROLES)
    driver = TorchDriver(optimizer, groups, clip=clip)
    packing = Packing(params, [group.names for group in groups], False)
    return driver, {"params": params, "optimizer": driver.init(params, packing)}


def step(driver, state, grads):
    hypers = {name: torch.tensor([value]).double() for name, value in NUMBERS.items()}
    with torch.no_grad():
        return driver.step(
            state, lambda _, create_graph: (torch.zeros(1), grads), hypers, torch.ones(1)
        )


def by_torch(make, gradients):
    """Train parameters with torch's optimizers: a function of parameters by name."""
    params = {name: torch.nn.Parameter(p[0].clone()) for name, p in tensors(0).items()}
    optimizers = make(params)
    for grads in gradients:
        for name, param in params.items():
            param.grad = grads[name][0].clone()
        for optimizer in optimizers:
            optimizer.step()
    return {name: p.detach() for name, p in params.items()}


def test_updates_are_those_of_torch():
    """A parameter without gradient stays, and gradients are clipped to a norm."""
    grads = {name: tensors(1)[name] for name in ("w", "head")}
    driver, state = driver_and_state(component(), clip=True)
    before = {name: param.clone() for name, param in state["params"].items()}
    expected = {name: torch.nn.Parameter(before[name][0].clone()) for name in grads}
    for name, param in expected.items():
        param.grad = grads[name][0].clone()
    torch.nn.utils.clip_grad_norm_(expected.values(), 0.1)
    torch.optim.RAdam(expected.values(), lr=0.05).step()

    updates = step(driver, state, grads)
    assert all(torch.equal(state["params"][n][0], p.detach()) for n, p in expected.items())
    assert torch.equal(state["params"]["b"], before["b"])
    torch.testing.assert_close(updates["w"], state["params"]["w"] - before["w"])


def test_groups_have_numbers_and_settings_of_the_class():
    groups = {"head": {"lr_scale": 0.1, "betas": [0.5, 0.9]}, "biases_norms": {"weight_decay": 0.0}}
    driver, state = driver_and_state(
        component("torch.optim.AdamW", weight_decay=0.1, groups=groups)
    )
    gradients = [tensors(seed) for seed in (1, 2)]
    for grads in gradients:
        step(driver, state, grads)
    expected = by_torch(
        lambda p: [
            torch.optim.AdamW(
                [
                    {"params": [p["w"]]},
                    {"params": [p["head"]], "lr": 0.005, "betas": (0.5, 0.9)},
                    {"params": [p["b"]], "weight_decay": 0.0},
                ],
                lr=0.05,
                weight_decay=0.1,
            )
        ],
        gradients,
    )
    for name, value in expected.items():
        torch.testing.assert_close(state["params"][name][0], value)


def test_a_group_has_a_class_of_its_own():
    groups = {"matrices": {"target": "torch.optim.Muon", "lr_scale": 2.0, "momentum": 0.8}}
    optimizer = component("torch.optim.AdamW", weight_decay=0.1, groups=groups)
    driver, state = driver_and_state(optimizer)
    gradients = [tensors(seed) for seed in (1, 2, 3)]
    step(driver, state, gradients[0])
    # A checkpoint holds the state of both.
    resumed, resumed_state = driver_and_state(optimizer)
    resumed.load_state_dict(copy.deepcopy(driver.state_dict()))
    for name, param in resumed_state["params"].items():
        param.copy_(state["params"][name])
    for grads in gradients[1:]:
        step(driver, state, grads)
        step(resumed, resumed_state, grads)
    expected = by_torch(
        lambda p: [
            torch.optim.AdamW([p["head"], p["b"]], lr=0.05, weight_decay=0.1),
            torch.optim.Muon([p["w"]], lr=0.1, weight_decay=0.1, momentum=0.8),
        ],
        gradients,
    )
    for name, value in expected.items():
        torch.testing.assert_close(state["params"][name][0], value)
        assert torch.equal(state["params"][name], resumed_state["params"][name])


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"beta": 0.5}, r"^optimizer.groups.head.beta: AdamW has no such setting. Did you mean 'betas"),
        ({"target": "torch.optim.Moun"}, "^optimizer.groups.head.target=torch.optim.Moun: .*'Muon'"),
        (
            {"target": "torch.optim.Muon", "beta": 0.5},
            "^optimizer.groups.head: Muon takes no argument 'beta'",
        ),
        (
            {"target": "torch.optim.SparseAdam"},
            r"^wd=0.1: .*SparseAdam takes no argument weight_decay. Set optimizer.groups.head.weight_d",
        ),
        ({"target": "torch.optim.LBFGS", "weight_decay": 0.0}, "^LBFGS gets a closure, which"),
    ],
)  # fmt: skip
def test_bad_settings_of_a_group(group, message):
    optimizer = component("torch.optim.AdamW", weight_decay=0.1, groups={"head": group})
    with pytest.raises(ConfigError, match=message):
        driver_and_state(optimizer)


def test_a_class_without_weight_decay_has_no_group_with_it():
    optimizer = component("torch.optim.Rprop", groups={"head": {"weight_decay": 0.1}})
    with pytest.raises(ConfigError, match=r"head.weight_decay: Rprop has no such setting"):
        driver_and_state(optimizer)
