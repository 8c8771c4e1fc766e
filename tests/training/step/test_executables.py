"""Functions of the lanes' state, executed by an engine."""

import pytest
import torch

from adamcmp.training.step.executables import Executables, StateFunction
from tests.support.lanes import step_config


def add(state, constant, number):
    state["nested"][0].add_(constant * number)
    return (state["nested"][0] + state["bias"],)


FUNCTION = StateFunction("add", add, [{}, {}], "add")


def state(lanes):
    return {"nested": (torch.zeros(lanes),), "bias": torch.arange(lanes).float()}


@pytest.mark.parametrize("fused", [True, False])
def test_a_bound_function_changes_the_state(fused, specs):
    executables = Executables(step_config(specs, fused=fused))
    bound, constant = state(1), torch.tensor(2.0)
    execute = executables.bind(FUNCTION, bound, (constant,), (torch.tensor(0.0),))
    for number in (1.0, 3.0):
        (result,) = execute(torch.tensor(number))
    assert bound["nested"][0].tolist() == result.tolist() == [8.0]


def test_a_function_serves_other_states(specs):
    """Lanes that have diverged leave the group, so that its state has fewer lanes."""
    executables = Executables(step_config(specs))
    for lanes in (3, 2):
        bound = state(lanes)
        arguments = (torch.ones(()),), (torch.zeros(()),)
        execute = executables.bind(FUNCTION, bound, *arguments)
        (result,) = execute(torch.tensor(5.0))
        assert result.tolist() == [5.0 + lane for lane in range(lanes)]
        assert bound["nested"][0].tolist() == [5.0] * lanes
