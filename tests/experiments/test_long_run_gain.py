"""The gain of a constant gradient, against the sum of a geometric series."""

import pytest

from adamcmp.experiments.long_run_gain import long_run_gain
from tests.support.rules import predefined


def gain(name, **settings):
    return long_run_gain(predefined(name, **settings))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"momentum": 0.0}, 1),
        ({"momentum": 0.9}, 10),
        ({"momentum": 0.9, "nesterov": True}, 10),
        ({"momentum": 0.9, "dampening": 0.5}, 5),
        ({"momentum": 0.9, "average": True}, 1),
        ({"momentum": 0.75, "lr_in_momentum": True, "weight_decay": 0.1, "lr": 0.3}, 4),
    ],
)
def test_momentum_sums_a_geometric_series(settings, expected):
    assert gain("sgd", **settings) == expected


@pytest.mark.parametrize("name", ["adam", "rmsprop", "adagrad", "lion"])
def test_adaptive_rules_have_none(name):
    assert gain(name) is None
