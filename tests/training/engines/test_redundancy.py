"""Redundant operations that vmap, autograd and rules leave in a graph."""

import pytest
import torch

from adamcmp.training.engines.redundancy import merge_equal
from adamcmp.training.engines.tracing import trace


def reduced(function, *arguments):
    """Return the graph without redundancy, after comparing its bits with the function's."""
    graph = trace(function, list(arguments), [{0: "M"} for _ in arguments])
    merge_equal(graph)
    copies = [[argument.clone() for argument in arguments] for _ in range(2)]
    results = [(*call(*copy), *copy) for call, copy in zip((function, graph), copies, strict=True)]
    for expected, actual in zip(*results, strict=True):
        torch.testing.assert_close(actual, expected, rtol=0, atol=0)
    return graph


def calls(graph, name):
    return [node for node in graph.graph.nodes if str(node.target).startswith(f"aten.{name}.")]


@pytest.mark.parametrize(
    "product",
    [lambda a: a * 1.0, lambda a: torch.ops.aten.mul.Scalar(a, 1)],
    ids=["tensor", "scalar"],
)
def test_a_product_with_one_keeps_the_value_from_before_a_change(product):
    def kept_in_the_state(a, b):
        before = product(a)
        a.add_(1)
        b.copy_(before)
        return (before - a,)

    def returned(a, b):
        a.add_(1)
        return (product(a), a.sum(1) + b.sum(1))

    for function in (kept_in_the_state, returned):
        assert calls(reduced(function, torch.rand(3, 5), torch.rand(3, 5)), "mul")


def test_equal_calls_are_computed_once():
    graph = reduced(lambda a: ((a + 1).exp() * (a + 1).exp(), a + 2), torch.rand(3, 5))
    assert len(calls(graph, "exp")) == 1 and len(calls(graph, "add")) == 2


def test_numbers_of_different_types_are_different_arguments():
    counts = torch.arange(15).view(3, 5)
    graph = reduced(lambda a: (a * 1, a * 1.0, a + True), counts)
    assert [value.dtype for value in graph(counts)] == [torch.int64, torch.float32, torch.int64]


def test_a_bias_in_concatenated_parameters_is_not_multiplied_by_one():
    """Its layout is not that of the product; a view that adds a dimension fits both."""
    block = torch.rand(3, 7)
    graph = reduced(lambda a: (a[:, 2:6].mul(1).view(-1, 1, 4),), block)
    assert not calls(graph, "mul")
    graph = reduced(lambda a: (a[:, 2:6].mul(1).view(-1, 2, 2),), block)
    assert len(calls(graph, "mul")) == 1


def test_calls_before_and_after_a_change_are_not_merged():
    def function(a):
        before = a.sum(1)
        a.add_(1)
        return before, a.sum(1)

    assert len(calls(reduced(function, torch.rand(3, 5)), "sum")) == 2


@pytest.mark.parametrize("new", [torch.zeros_like, lambda a: a + 1], ids=["zeros", "sum"])
def test_new_tensors_that_are_changed_in_place_are_not_merged(new):
    def function(a):
        first, second = new(a), new(a)
        first.add_(a)
        return first, second

    reduced(function, torch.rand(3, 5))


def test_random_numbers_are_not_merged():
    graph = trace(lambda a: (a + torch.rand(5), a + torch.rand(5)), [torch.ones(3, 5)], [{0: "M"}])
    merge_equal(graph)
    first, second = graph(torch.ones(3, 5))
    assert not first.equal(second)
