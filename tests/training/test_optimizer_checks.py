"""Checks of a user's optimizer before anything is written."""

import pytest
import torch

from adamcmp.config import build_component, component_defaults
from adamcmp.errors import ConfigError
from adamcmp.training.optimizer_checks import check_optimizer
from tests.support.rules import predefined

pytestmark = pytest.mark.usefixtures("any_code")

ROLES = {
    "weight": "matrices",
    "kernel": "matrices",
    "bias": "biases_norms",
    "embedding": "embeddings",
}
PARAMS = {"weight": torch.ones(2, 3), "bias": torch.ones(2)}
USER = "tests.support.user_networks"


SPARSE = {"embedding": torch.eye(3).to_sparse()}


def check(target, params=PARAMS, **settings):
    values = {**component_defaults("optimizer", "torch"), "target": target, **settings}
    weights = {name: param.to_dense() for name, param in params.items()}
    roles = {name: ROLES[name] for name in params}
    check_optimizer(build_component("optimizer", values), weights, params, roles)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "torch.optim.Muon",
            r"takes only some of the model's parameters. Train the others with another class: "
            r"optimizer.groups.biases_norms.target=torch.optim.AdamW. It does not take bias: .*2D",
        ),
        (
            f"{USER}.MatricesOnly",
            r"takes only some .* bias: user_networks.py, line \d+: ValueError",
        ),
        ("torch.optim.SparseAdam", r"SparseAdam fails in its first step \(RuntimeError: Sparse"),
        (f"{USER}.Failing", r"first step \(user_networks.py, line \d+: ValueError: no step\)"),
        (
            f"{USER}.OneStep",
            r"state_dict\(\) loaded between them \(user_networks.py, line \d+: KeyE",
        ),
        (f"{USER}.CountingSteps", r"keeps state in steps, which its state_dict\(\) does not hold"),
        (f"{USER}.OwnMomentum", r"keeps state in attributes, which its state_dict\(\) does not"),
        (f"{USER}.NaNSteps", r"its first steps give weights that are not finite"),
        (f"{USER}.Unseeded", r"two equal steps differ: it uses random numbers that adamcmp does"),
        (f"{USER}.SAM", r"first step .*NoClosureError.* It works with optimizer.closure=true\.$"),
        ("pytorch_optimizer.AdaHessian", r"first step .* with optimizer.create_graph=true\.$"),
    ],
)
def test_classes_that_cannot_train_a_network(target, message):
    with pytest.raises(ConfigError, match=message):
        check(target)


def test_a_pattern_names_one_of_several_parameters_of_a_role():
    params = {"weight": torch.ones(2, 3), "kernel": torch.ones(2, 3, 3)}
    with pytest.raises(ConfigError, match=r"others.match=kernel optimizer.groups.others.target="):
        check("torch.optim.Muon", params)


def test_the_class_of_a_group():
    adamw = {"biases_norms": {"target": "torch.optim.AdamW"}}
    check("torch.optim.Muon", groups=adamw)
    with pytest.raises(
        ConfigError, match=r"^optimizer.groups.biases_norms: Muon cannot be created"
    ):
        check("torch.optim.AdamW", groups={"biases_norms": {"target": "torch.optim.Muon"}})
    sparse = {"embeddings": {"target": "torch.optim.SparseAdam"}}
    check("torch.optim.AdamW", {**PARAMS, **SPARSE}, groups=sparse)
    with pytest.raises(ConfigError, match=r"AdamW takes only some .*embeddings.target="):
        check("torch.optim.AdamW", {**PARAMS, **SPARSE})


def test_a_class_without_weight_decay():
    with pytest.raises(
        ConfigError, match=r"^wd=0.1: .*WithoutNoGrad takes no argument weight_decay"
    ):
        check(f"{USER}.WithoutNoGrad", weight_decay=0.1)


def test_classes_that_can():
    for target in ("RAdam", "Rprop", "Adafactor", "ASGD", "SGD", "AdamW", "NAdam", "Adagrad"):
        check(f"torch.optim.{target}")
    check("torch.optim.LBFGS")
    check(f"{USER}.SAM", closure=True)
    check("pytorch_optimizer.AdaHessian", create_graph=True)
    check("pytorch_optimizer.ScheduleFreeSGD")
    check("torch.optim.SparseAdam", params=SPARSE)
    check(f"{USER}.WithoutNoGrad")
    for target in ("torch.optim.Muon", f"{USER}.MatricesOnly"):
        check(target, {"weight": PARAMS["weight"]})
    assert torch.equal(PARAMS["weight"], torch.ones(2, 3))


def test_rules_and_couplings_for_hidden_matrices():
    muon = predefined("muon")
    norm = predefined("adam", coupling="norm")
    roles = {"weight": "head", "bias": "biases_norms"}
    with pytest.raises(ConfigError, match=r"optimizer=muon: .* no hidden .* Use optimizer=adamw"):
        check_optimizer(muon, PARAMS, PARAMS, roles)
    for optimizer in (norm, predefined("muon", coupling="norm")):
        with pytest.raises(ConfigError, match=r"coupling=norm: .* Use another coupling"):
            check_optimizer(optimizer, PARAMS, PARAMS, roles)
    for optimizer in (muon, norm):
        check_optimizer(optimizer, PARAMS, PARAMS, ROLES)
    check_optimizer(predefined("adamw"), PARAMS, PARAMS, roles)


def test_a_parameter_needs_no_gradient():
    optimizer = build_component("optimizer", component_defaults("optimizer", "adamw"))
    check_optimizer(optimizer, PARAMS, {"weight": PARAMS["weight"]}, ROLES)
