"""Parameter groups: roles, patterns, and their settings, against torch's parameter groups."""

import pytest
import torch
from torch import nn

from adamcmp.components.optimizers import parameter_roles
from adamcmp.errors import ConfigError
from tests.support.rules import predefined
from tests.support.tensors import assert_close


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(5, 3)
        self.position = nn.Parameter(torch.randn(2, 3))
        self.hidden = nn.Linear(3, 3)
        self.norm = nn.LayerNorm(3)
        self.head = nn.Linear(3, 2)


ROLES = {
    "position": "matrices",
    "words.weight": "embeddings",
    "hidden.weight": "matrices",
    "hidden.bias": "biases_norms",
    "norm.weight": "biases_norms",
    "norm.bias": "biases_norms",
    "head.weight": "head",
    "head.bias": "biases_norms",
}


def trained(optimizer, params, grads):
    """Apply an optimizer's groups as the training step does."""
    params = dict(params)
    groups = optimizer.parameter_groups(ROLES)
    chains = [optimizer.group_chain(group) for group in groups]
    states = [
        chain.init({n: params[n] for n in group.names})
        for group, chain in zip(groups, chains, strict=True)
    ]
    for step, step_grads in enumerate(grads, start=1):
        hypers = {
            name: torch.tensor(value, dtype=torch.float64)
            for name, value in {**optimizer.hypers(), "multiplier": 1.0}.items()
        }
        for number, (group, chain) in enumerate(zip(groups, chains, strict=True)):
            part = {n: params[n] for n in group.names}
            updates, states[number] = chain.update(
                {n: step_grads[n] for n in group.names},
                states[number],
                part,
                optimizer.group_hypers(group, hypers),
                torch.tensor(float(step), dtype=torch.float64),
            )
            params |= {n: p + updates[n] for n, p in part.items()}
    return params


def problem():
    generator = torch.Generator().manual_seed(0)

    def draw(shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    shapes = {n: p.shape for n, p in Net().named_parameters()}
    params = {n: draw(s) for n, s in shapes.items()}
    return params, [{n: draw(s) for n, s in shapes.items()} for _ in range(20)]


def by_torch(optimizer, groups, params, grads, **arguments):
    """Train with torch's parameter groups: names -> settings."""
    weights = {n: nn.Parameter(p.clone()) for n, p in params.items()}
    torch_groups = [{"params": [weights[n] for n in names], **s} for names, s in groups]
    instance = optimizer(torch_groups, **arguments)
    for step_grads in grads:
        for n, p in weights.items():
            p.grad = step_grads[n].clone()
        instance.step()
    return {n: p.detach() for n, p in weights.items()}


def test_roles():
    assert parameter_roles(Net()) == ROLES


def test_a_role_has_its_lr_and_weight_decay():
    params, grads = problem()
    groups = {"head": {"lr_scale": 0.5, "weight_decay": 0.3}, "biases_norms": {"weight_decay": 0.0}}
    optimizer = predefined("adamw", lr=0.01, weight_decay=0.1, groups=groups)
    names = {role: [n for n, r in ROLES.items() if r == role] for role in set(ROLES.values())}
    expected = by_torch(
        torch.optim.AdamW,
        [
            (names["head"], {"lr": 0.005, "weight_decay": 0.3}),
            (names["biases_norms"], {"weight_decay": 0.0}),
            (names["matrices"] + names["embeddings"], {}),
        ],
        *(params, grads),
        lr=0.01,
        weight_decay=0.1,
    )
    assert_close(trained(optimizer, params, grads), expected)


def test_a_pattern_takes_precedence_over_a_role():
    params, grads = problem()
    groups = {"matrices": {"lr_scale": 2.0}, "first": {"match": "hidden.*", "lr_scale": 0.1}}
    optimizer = predefined("sgd", lr=0.01, momentum=0.9, groups=groups)
    first = ["hidden.weight", "hidden.bias"]
    rest = [n for n in ROLES if n not in (*first, "position")]
    expected = by_torch(
        torch.optim.SGD,
        [(first, {"lr": 0.001}), (["position"], {"lr": 0.02}), (rest, {})],
        *(params, grads),
        lr=0.01,
        momentum=0.9,
    )
    assert_close(trained(optimizer, params, grads), expected)


@pytest.mark.parametrize("name", ["adam_l2", "adamw", "sgd"])
def test_no_bias_norm_is_short_for_a_group(name):
    params, grads = problem()
    short = predefined(name, weight_decay=0.1, decay_filter="no_bias_norm")
    long = predefined(name, weight_decay=0.1, groups={"biases_norms": {"weight_decay": 0.0}})
    actual = trained(short, params, grads)
    assert all(torch.equal(p, actual[n]) for n, p in trained(long, params, grads).items())
    without = predefined(name, weight_decay=0.0)
    assert torch.equal(actual["norm.bias"], trained(without, params, grads)["norm.bias"])
    assert not torch.equal(actual["head.weight"], trained(without, params, grads)["head.weight"])


def test_no_bias_norm_keeps_the_other_settings_of_the_group():
    optimizer = predefined(
        "adamw", decay_filter="no_bias_norm", groups={"biases_norms": {"lr_scale": 0.5}}
    )
    hypers = optimizer.hypers()
    assert hypers["groups.biases_norms.lr_scale"] == 0.5
    assert hypers["groups.biases_norms.weight_decay"] == 0.0


def test_no_bias_norm_does_not_reach_the_biases_of_a_pattern():
    """They would decay, since a pattern takes precedence over a role."""
    groups = {"first": {"match": "hidden.*", "lr_scale": 0.1}}
    with pytest.raises(ConfigError, match=r"set groups\.first\.weight_decay"):
        predefined("adamw", decay_filter="no_bias_norm", groups=groups)
    groups["first"]["weight_decay"] = 0.1
    predefined("adamw", decay_filter="no_bias_norm", groups=groups)


def test_coupling_norm_constrains_hidden_matrices_only():
    params, grads = problem()
    constrained = trained(predefined("adam", coupling="norm"), params, grads)
    free = trained(predefined("adam"), params, grads)
    for name, role in ROLES.items():
        if role == "matrices":
            torch.testing.assert_close(constrained[name].norm(), params[name].norm())
        else:
            assert torch.equal(constrained[name], free[name])


def test_groups_of_lanes_may_differ_in_numbers_but_not_in_patterns():
    def structure(**group):
        return predefined("sgd", groups={"first": {"match": "a*", **group}}).structure()

    assert structure(lr_scale=0.1) == structure(lr_scale=0.2)
    assert structure(lr_scale=0.1) != structure(match="b*")
    assert structure() != structure(weight_decay=0.1)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"haed": {"lr_scale": 0.1}}, "groups.haed: should be one of matrices, .* 'head'"),
        ({"head": {"lr_scale": -1}}, "optimizer.groups.head.lr_scale=-1: should be at least 0"),
        ({"head": {"lr_scala": 1}}, "no setting 'optimizer.groups.head.lr_scala'.*'lr_scale'"),
        ({"head": 3}, "optimizer.groups.head=3: should be a mapping"),
    ],
)
def test_invalid_groups(groups, message):
    with pytest.raises(ConfigError, match=message):
        predefined("sgd", groups=groups)


def test_a_parameter_that_matches_two_patterns():
    """Which of them would apply is not stored with a run."""
    groups = {"first": {"match": "head.*"}, "second": {"match": "*.weight"}}
    with pytest.raises(ConfigError, match=r"head.weight matches the patterns of first and second"):
        predefined("sgd", groups=groups).parameter_groups(ROLES)


def test_settings_at_their_defaults_are_not_part_of_the_identity():
    assert "groups" not in predefined("sgd").identity()
    assert predefined("sgd", groups={"head": {}}).identity() == predefined("sgd").identity()
    identity = predefined("sgd", groups={"head": {"lr_scale": 0.5}}).identity()
    assert identity["groups"] == {"head": {"lr_scale": 0.5}}


def test_a_pattern_that_matches_nothing_lists_the_parameters():
    optimizer = predefined("sgd", groups={"first": {"match": "net.*"}})
    with pytest.raises(ConfigError, match=r"groups.first: match=net.\*: .*position \(matrices\)"):
        optimizer.parameter_groups(ROLES)


@pytest.mark.parametrize(
    ("coupling", "advice"), [("none", "such as adam_l2 or adamw, or "), ("norm", "")]
)
def test_decay_needs_a_coupling(coupling, advice):
    text = f"has no effect: coupling={coupling} .*; .*{advice}"
    with pytest.raises(ConfigError, match=f"{text}set wd=0"):
        predefined("adam", coupling=coupling, weight_decay=0.1)
    with pytest.raises(ConfigError, match=f"{text}remove groups.head.weight_decay"):
        predefined("adam", coupling=coupling, groups={"head": {"weight_decay": 0.1}})
