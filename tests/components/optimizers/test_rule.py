"""What the couplings and their options compute, on fixed gradients."""

import pytest
import torch
from torch import Tensor

from adamcmp.config import build_component, component_defaults
from adamcmp.errors import ConfigError
from tests.support.rules import rule_steps
from tests.support.tensors import assert_close

ADAM = {"name": "x", "rule": "adam", "lr": 0.01}
SGD = {"name": "x", "rule": "sgd", "lr": 0.02, "momentum": 0.0}


def problem(seed: int) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """Parameters of several shapes and 100 gradients of different scales, float64."""
    g = torch.Generator().manual_seed(seed)
    shapes = {"w": (5, 3), "b": (5,), "scale": (), "conv": (2, 3, 2)}
    params = {n: torch.randn(s, generator=g, dtype=torch.float64) for n, s in shapes.items()}
    scale = {n: 10.0 ** torch.randint(-3, 3, (), generator=g).item() for n in shapes}
    grads = [
        {n: scale[n] * torch.randn(s, generator=g, dtype=torch.float64) for n, s in shapes.items()}
        for _ in range(100)
    ]
    return params, grads


def ours(values, params, grads, multipliers=None):
    """Return the parameters after the steps of a rule."""
    rule = build_component("optimizer", values)
    return list(rule_steps(rule, params, grads, multipliers))[-1].params


def torch_steps(optimizer, params, grads, multipliers=None, **arguments):
    params = {n: torch.nn.Parameter(p.clone()) for n, p in params.items()}
    torch_optimizer = optimizer(params.values(), **arguments)
    for t, step_grads in enumerate(grads):
        for n, p in params.items():
            p.grad = step_grads[n].clone()
        if multipliers:
            torch_optimizer.param_groups[0]["lr"] = arguments["lr"] * multipliers[t]
        torch_optimizer.step()
    return {n: p.detach() for n, p in params.items()}


@pytest.mark.parametrize(
    ("name", "optimizer", "arguments"),
    [
        ("adam", torch.optim.Adam, {}),
        ("adam_l2", torch.optim.Adam, {"weight_decay": 1e-4}),
        ("adamw", torch.optim.AdamW, {"weight_decay": 0.01}),
        ("amsgrad", torch.optim.Adam, {"weight_decay": 1e-4, "amsgrad": True}),
        ("amsgradw", torch.optim.AdamW, {"weight_decay": 0.01, "amsgrad": True}),
        ("sgd", torch.optim.SGD, {"momentum": 0.9}),
    ],
)
def test_each_yaml_has_the_rule_and_coupling_of_its_name(name, optimizer, arguments):
    params, grads = problem(8)
    values = component_defaults("optimizer", name)
    expected = torch_steps(optimizer, params, grads, lr=values["lr"], **arguments)
    assert_close(ours(values, params, grads), expected)


def test_sgdw_decays_beside_its_momentum():
    values = component_defaults("optimizer", "sgdw")
    assert (values["rule"], values["coupling"], values["momentum"]) == ("sgd", "decoupled", 0.9)


def test_independent_is_decoupled_with_wd_over_lr():
    params, grads = problem(1)
    values = {**ADAM, "lr": 0.01, "weight_decay": 0.002}
    independent = ours({**values, "coupling": "independent"}, params, grads)
    assert_close(
        independent, torch_steps(torch.optim.AdamW, params, grads, lr=0.01, weight_decay=0.2)
    )


def test_proposition_1_sgd_l2_equals_decay():
    """Loshchilov & Hutter 2019, Proposition 1: plain SGD, L2 λ' = λ/α equals decay λ."""
    params, grads = problem(2)
    l2 = ours({**SGD, "coupling": "l2", "weight_decay": 0.1}, params, grads)
    decay = ours({**SGD, "coupling": "independent", "weight_decay": 0.1 * 0.02}, params, grads)
    assert_close(l2, decay)


def test_with_momentum_or_adam_they_differ():
    params, grads = problem(2)
    for values in ({**SGD, "momentum": 0.9}, ADAM):
        l2 = ours({**values, "coupling": "l2", "weight_decay": 0.1}, params, grads)
        decay = ours({**values, "coupling": "decoupled", "weight_decay": 0.1}, params, grads)
        assert (l2["w"] - decay["w"]).norm() > 1e-3


def test_lr_in_momentum_is_algorithm_1_of_the_paper():
    """m ← β·m + η_t·α·g; θ ← θ − m − η_t·λ·θ."""
    params, grads = problem(3)
    multipliers = [1 - t / 200 for t in range(100)]
    theta, m = params["w"].clone(), torch.zeros(5, 3, dtype=torch.float64)
    for eta, g in zip(multipliers, grads, strict=True):
        m = 0.9 * m + eta * 0.02 * g["w"]
        theta = theta - m - eta * 0.003 * theta
    values = {**SGD, "momentum": 0.9, "lr_in_momentum": True, "coupling": "independent"}
    actual = ours({**values, "weight_decay": 0.003}, params, grads, multipliers)
    assert_close({"w": actual["w"]}, {"w": theta})
    outside = ours(
        {**values, "lr_in_momentum": False, "weight_decay": 0.003}, params, grads, multipliers
    )
    assert (outside["w"] - theta).norm() > 1e-6


def test_lr_in_momentum_with_a_constant_lr_equals_torch():
    params, grads = problem(3)
    values = {**SGD, "momentum": 0.9, "coupling": "none", "lr_in_momentum": True}
    assert_close(
        ours(values, params, grads),
        torch_steps(torch.optim.SGD, params, grads, lr=0.02, momentum=0.9),
    )


def test_average_momentum_is_dampened_momentum_after_the_first_step():
    """v ← γv + (1 − γ)g from zero; torch with dampening γ starts the buffer at g."""
    params, grads = problem(4)
    values = {**SGD, "coupling": "none", "momentum": 0.9, "average": True}
    first = [{n: g * 0.1 for n, g in grads[0].items()}, *grads[1:]]
    assert_close(
        ours(values, params, grads),
        torch_steps(torch.optim.SGD, params, first, lr=0.02, momentum=0.9, dampening=0.9),
    )


def test_cautious_decay_where_step_and_weight_agree():
    """One SGD step: θ decays only where −update = lr·g has θ's sign."""
    theta = torch.tensor([1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    g = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    values = {**SGD, "lr": 0.1, "coupling": "decoupled", "weight_decay": 0.5, "cautious": True}
    actual = ours(values, {"w": theta}, [{"w": g}])["w"]
    agree = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    assert_close({"w": actual}, {"w": theta - 0.1 * g - 0.1 * 0.5 * agree * theta})


def test_clipping_equals_torch():
    params, grads = problem(6)
    variant = build_component("optimizer", {**SGD, "coupling": "none"})
    chain = variant.chain(clip=True)
    hypers = {**variant.hypers(), "multiplier": 1.0, "grad_clip": 0.7}
    tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in hypers.items()}
    updates, _ = chain.update(grads[0], chain.init(params), params, tensors, torch.tensor(1.0))
    clipped = [torch.nn.Parameter(p.clone()) for p in params.values()]
    for p, g in zip(clipped, grads[0].values(), strict=True):
        p.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(clipped, 0.7)
    assert_close(updates, {n: -0.02 * p.grad for n, p in zip(params, clipped, strict=True)})


@pytest.mark.parametrize(
    ("rule", "option", "reason"),
    [
        ("lamb", {"cautious_updates": True}, "whose update and decay are scaled together"),
        ("schedulefree_sgd", {"lookahead_steps": 5}, "evaluations already measure an average"),
        ("asgd", {"lookahead_steps": 5}, "evaluations already measure an average"),
    ],
)
def test_an_option_that_does_not_apply_to_a_rule(rule, option, reason):
    values = {"name": "x", "rule": rule, "lr": 0.1, "coupling": "none"}
    with pytest.raises(ConfigError, match=reason):
        build_component("optimizer", {**values, **option})


@pytest.mark.parametrize(
    ("rule", "coupling", "reason"),
    [
        ("rprop", "decoupled", "of which lr is only the first value"),
        ("prodigy", "fixed", "Use coupling=decoupled"),
    ],
)
def test_a_coupling_that_does_not_apply_to_a_rule(rule, coupling, reason):
    with pytest.raises(ConfigError, match=f"coupling={coupling} does not apply to .*{reason}"):
        build_component("optimizer", {"name": "x", "rule": rule, "lr": 0.1, "coupling": coupling})
