"""Python code of traced graphs."""

import math

import pytest
import torch

from adamcmp.errors import EngineError
from adamcmp.training.engines.python_code import load_code, python_code
from adamcmp.training.engines.tracing import trace


def source_of(function, *arguments, bound=0):
    graph = trace(function, list(arguments), [{0: "M"} for _ in arguments])
    return python_code({"execute": graph}, bound)


def executed(function, *arguments, bound=0):
    (execute,) = load_code(source_of(function, *arguments, bound=bound))(*arguments[:bound])
    return execute(*arguments[bound:])


@pytest.mark.parametrize(
    "function",
    [
        lambda a: (a.sum(1), a.mean(), a.std(1), a.amax(1)),
        lambda a: (a.view(a.shape[0], 2, 3).transpose(1, 2) @ a.view(-1, 2, 3),),
        lambda a: (a.split([2, 4], 1)[1] * a.shape[0] * 2,),
        lambda a: (torch.where(a > 0, a, math.inf), a.clamp(max=-math.inf), a * math.nan),
        lambda a: (a.double(), a.to(torch.int64), a + torch.tensor([1.5, -math.inf] * 3)),
        lambda a: (torch.zeros(2, dtype=torch.bool), torch.arange(3), torch.full((2,), 0.1)),
        lambda a: (a.gelu() if hasattr(a, "gelu") else torch.nn.functional.gelu(a),),
        lambda a: (0.9**a, torch.remainder(3.0, a), 1 - a, 2 / a),
        lambda a: (torch.cat([a, a], 1), torch.stack([a, a]), a.unbind(1)[2]),
    ],
)
def test_the_code_computes_what_the_function_computes(function):
    argument = torch.randn(3, 6)
    for expected, actual in zip(function(argument), executed(function, argument), strict=True):
        torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)
        assert actual.dtype == expected.dtype


def test_the_code_serves_any_number_of_lanes():
    source = source_of(lambda a: (a.view(a.shape[0], -1).sum(1),), torch.ones(2, 3, 4))
    (execute,) = load_code(source)()
    (sums,) = execute(torch.ones(5, 3, 4))
    assert sums.tolist() == [12.0] * 5


def test_views_of_bound_arguments_follow_their_values():
    def function(state, value):
        row = state.transpose(1, 2)[:, :1]
        state.add_(value)
        return (row * torch.arange(2.0).exp(),)

    state, value = torch.zeros(3, 2, 4), torch.ones(3, 2, 4)
    source = source_of(function, state, value, bound=1)
    (execute,) = load_code(source)(state)
    for steps in (1, 2):
        (row,) = execute(value)
        torch.testing.assert_close(row, steps * torch.arange(2.0).exp().expand(3, 1, 2))
    body = source[source.index("def execute") :]
    assert "transpose" not in body and ".exp(" not in body


def test_random_numbers_are_drawn_in_every_call():
    (execute,) = load_code(source_of(lambda a: (a + torch.rand(6),), torch.zeros(3, 6)))()
    assert not execute(torch.zeros(3, 6))[0].equal(execute(torch.zeros(3, 6))[0])


def test_an_argument_that_cannot_be_written_is_an_error():
    graph = trace(lambda a: (a + 1,), [torch.zeros(3)], [{0: "M"}])
    node = next(node for node in graph.graph.nodes if node.op == "call_function")
    node.args = (node.args[0], 1j)
    with pytest.raises(EngineError, match="argument of type complex"):
        python_code({"execute": graph}, 0)
