"""Functions of the lanes' state, executed by an engine."""

from dataclasses import replace

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


@pytest.mark.parametrize("engine", ["eager", "traced"])
@pytest.mark.parametrize("fused", [True, False])
def test_a_bound_function_changes_the_state(fused, engine, specs):
    config = replace(step_config(specs, fused=fused), engine=engine)
    executables = Executables(config)
    bound, constant = state(1), torch.tensor(2.0)
    bound_function = executables.bind(FUNCTION, bound, (constant,), (torch.tensor(0.0),))
    bound_function.update(torch.tensor(1.0))
    (result,) = bound_function.execute(torch.tensor(3.0))
    assert bound["nested"][0].tolist() == result.tolist() == [8.0]


@pytest.mark.parametrize("engine", ["eager", "traced"])
def test_a_function_serves_other_states(engine, specs):
    """Lanes that have diverged leave the group, so that its state has fewer lanes."""
    executables = Executables(replace(step_config(specs), engine=engine))
    for lanes in (3, 2):
        bound = state(lanes)
        arguments = (torch.ones(()),), (torch.zeros(()),)
        (result,) = executables.bind(FUNCTION, bound, *arguments).execute(torch.tensor(5.0))
        assert result.tolist() == [5.0 + lane for lane in range(lanes)]
        assert bound["nested"][0].tolist() == [5.0] * lanes
