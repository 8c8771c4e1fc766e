"""Checks of a rule of the user's code before anything is written."""

import pytest
import torch

from adamcmp.config import build_component
from adamcmp.errors import ConfigError
from adamcmp.training.optimizer_checks import check_optimizer

pytestmark = pytest.mark.usefixtures("any_code")

ROLES = {"weight": "matrices", "bias": "biases_norms", "scale": "biases_norms"}
GENERATOR = torch.Generator().manual_seed(0)
PARAMS = {"weight": torch.randn(2, 3, generator=GENERATOR), "bias": torch.ones(2)}
PARAMS["scale"] = 3 * torch.ones(2)


def check(name, grads=PARAMS):
    values = {
        "name": "own",
        "rule": f"tests.support.user_rules.{name}",
        "coupling": "l2",
        "lr": 0.1,
    }
    check_optimizer(build_component("optimizer", values), PARAMS, grads, ROLES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("OneTransformation", r"transformations\(\) should return a tuple of Gradient"),
        ("Counting", r"gives other numbers when a step is repeated\. .*the state that init"),
        ("Drawing", r"gives other numbers when a step is repeated\. .*set fuses"),
        ("Failing", r"fails in a step \(user_rules.py, line \d+: KeyError: 'factors'\)\.$"),
        (
            "Conditional",
            r"cannot be vectorized over lanes\. .*fuses: .* False\. It fails in a step",
        ),
        (
            "Normalized",
            r"gives other numbers if parameters are joined\. Set elementwise: .* = False",
        ),
    ],
)
def test_rules_that_cannot_train(name, message):
    with pytest.raises(
        ConfigError, match=rf"^optimizer.rule=tests.support.user_rules.{name}:? {message}"
    ):
        check(name)


@pytest.mark.parametrize(
    "name", ["Lion", "Scaled", "ConditionalAlone", "NormalizedApart", "NaN", "DrawingAlone"]
)
def test_rules_that_can(name):
    check(name)
    check(name, {"weight": PARAMS["weight"]})
