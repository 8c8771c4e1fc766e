"""Lengths of runs and their evaluations."""

import math

import pytest

from adamcmp.components.schedules import Horizon
from adamcmp.config import Eval
from adamcmp.errors import ConfigError
from adamcmp.planning.horizon import evaluation_steps, horizon
from adamcmp.planning.run_kinds import run_kinds_by_key


@pytest.mark.parametrize(
    "overrides",
    [["steps=999999999999"], ["epochs=999999999"], ["steps=1000000", "eval.every_steps=1"]],
)
def test_too_many_evaluations_are_refused(composer, overrides):
    with pytest.raises(ConfigError, match="evaluations of a run are too many: at most 100,000"):
        run_kinds_by_key(composer.sweep(overrides).runs)


@pytest.mark.parametrize(
    ("when", "steps", "expected"),
    [
        ({"every": 1.0}, 45, [0, 10, 20, 30, 40, 45]),
        ({"every": 0.5}, 12, [0, 5, 10, 12]),
        ({"every": 100.0}, 12, [0, 12]),
        ({"every_steps": 5}, 10, [0, 5, 10]),
        ({"every": 0.01}, 3, [0, 1, 2, 3]),
    ],
)
def test_evaluation_steps(when, steps, expected):
    assert evaluation_steps(Eval(**when), Horizon(steps, 10.0)) == expected


def test_budget_in_epochs(specs):
    (spec,) = specs(["epochs=3", "batch_size=100"])
    assert horizon(spec.config, 3600).steps == 108
    assert horizon(spec.config, 3601).steps == math.ceil(3 * 36.01)
