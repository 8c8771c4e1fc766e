"""The traced engine."""

import pytest
import torch

from adamcmp.errors import EngineError
from adamcmp.training.engines.traced import traced


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("adamcmp.training.engines.traced.cache_folder", lambda: tmp_path)
    return tmp_path / "traced"


def step(state, value):
    state.add_(value)
    return (state.sum(1), (state**2).sum(1))


def test_an_update_without_outputs_changes_the_state_alike(cache):
    value = torch.ones(3, 4)
    states = [torch.zeros(3, 4) for _ in range(2)]
    for state in states:
        bind = traced(step, [state, value], [{0: "M"}] * 2, ["step"], 1)
        function = bind(state)
        if state is states[0]:
            assert [sums.tolist() for sums in function.execute(value)] == [[4.0] * 3] * 2
        else:
            assert function.update(value) == ()
    assert states[0].equal(states[1])
    assert len(list(cache.glob("*.py"))) == 1  # the second state used the stored code


def test_a_function_that_depends_on_values_is_an_error(cache):
    def branching(state):
        return (state + 1 if state.sum() > 0 else state,)

    with pytest.raises(EngineError, match=r"cannot be traced: .*Use engine=eager"):
        traced(branching, [torch.ones(3, 4)], [{0: "M"}], ["step"], 1)
    assert not list(cache.glob("*.py"))
