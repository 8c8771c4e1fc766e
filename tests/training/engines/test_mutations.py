"""Changes in place, moved to the end of a graph."""

import pytest
import torch

from adamcmp.training.engines.mutations import defer_mutations
from adamcmp.training.engines.tracing import trace


def arguments():
    return [torch.full((2, 3), 2.0), torch.ones(2, 3), torch.arange(6.0).reshape(2, 3)]


def traced(function):
    return trace(function, arguments(), [{0: "M"}] * 3)


def mutated(graph):
    """Return the positions of operations that change something, counted from the end."""
    calls = [node for node in graph.graph.nodes if node.op == "call_function"]
    positions = [i - len(calls) for i, n in enumerate(calls) if n.target._schema.is_mutable]
    assert all(calls[i].target is torch.ops.aten.copy_.default for i in positions)
    return positions


def step(weight, moment, x):
    """Both arguments are read before and after they change."""
    old = weight.sum(1)
    moment.copy_(0.9 * moment + x)
    weight.add_(moment, alpha=-0.1)
    return old, weight.square().sum(1), moment


def test_a_step_with_deferred_changes_has_the_same_results():
    graph = traced(step)
    assert defer_mutations(graph)
    assert mutated(graph) == [-2, -1]
    expected, actual = arguments(), arguments()
    results = step(*expected)
    for result, same in zip([*graph(*actual), *actual], [*results, *expected], strict=True):
        assert torch.equal(result, same)


def changes_a_view(weight, moment, x):
    weight[:, 0].add_(x[:, 0])
    return (weight.sum(1),)


def uses_an_old_view(weight, moment, x):
    view = weight[:, 0]
    weight.add_(x)
    return (view * 2,)


def changes_twice(weight, moment, x):
    weight.add_(x)
    weight.mul_(moment)
    return (weight.sum(1),)


def changes_what_it_copied(weight, moment, x):
    moment.copy_(weight)
    weight.add_(x)
    return (moment.sum(1),)


def changes_an_intermediate_result(weight, moment, x):
    total = weight + x
    total.mul_(2)
    return (total,)


def broadcasts(weight, moment, x):
    weight.copy_(x[:1])
    return (weight.sum(1),)


@pytest.mark.parametrize(
    "function",
    [
        changes_a_view,
        uses_an_old_view,
        changes_twice,
        changes_what_it_copied,
        changes_an_intermediate_result,
        broadcasts,
    ],
)
def test_other_graphs_stay_as_they_are(function):
    graph = traced(function)
    nodes = list(graph.graph.nodes)
    assert not defer_mutations(graph)
    assert list(graph.graph.nodes) == nodes
