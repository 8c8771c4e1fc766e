"""Lengths of runs and their evaluations."""

import pytest

from adamcmp.errors import ConfigError
from adamcmp.planning.run_kinds import run_kinds


@pytest.mark.parametrize(
    "overrides",
    [["steps=999999999999"], ["epochs=999999999"], ["steps=1000000", "eval.every_steps=1"]],
)
def test_too_many_evaluations_are_refused(composer, overrides):
    with pytest.raises(ConfigError, match="evaluations of a run are too many: at most 100,000"):
        run_kinds(composer.sweep(overrides).runs)
