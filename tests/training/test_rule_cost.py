"""The cost of rules by themselves."""

import pytest

from adamcmp.training.rule_cost import measure_cost
from tests.support.rules import predefined


@pytest.mark.parametrize(
    ("name", "settings", "state"),
    [
        ("sgd", {"momentum": 0.0}, 0),
        ("adamw", {"amsgrad": True}, 3),  # m, v and the maximum of v
    ],
)
def test_the_state_is_counted_and_steps_take_time(name, settings, state):
    cost = measure_cost(predefined(name, **settings))
    assert (cost.mlp_state, cost.matrix_state) == (state, state)
    assert 0 < cost.mlp_us < cost.matrix_us
