"""Calls of a traced graph: which there are, and how one is added."""

import torch

from adamcmp.training.engines.graph_edits import add_call, calls, recompile
from adamcmp.training.engines.torch_internals import value_of
from adamcmp.training.engines.tracing import trace

ATEN = torch.ops.aten


def traced():
    def squares_plus_one(a):
        return (a * a + 1,)

    return trace(squares_plus_one, [torch.arange(6.0).reshape(2, 3)], [{0: "M"}])


def test_the_calls_of_a_graph():
    graph = traced()
    product, total = calls(graph)[-2:]
    assert [node.target for node in (product, total)] == [ATEN.mul.Tensor, ATEN.add.Tensor]
    assert calls(graph, ATEN.mul.Tensor) == [product]
    assert calls(graph, ATEN.mul.Tensor, ATEN.add.Tensor) == [product, total]
    assert calls(graph, ATEN.div.Tensor) == []


def test_an_added_call_has_a_value_and_replaces_another():
    graph = traced()
    (total,) = calls(graph, ATEN.add.Tensor)
    (product,) = calls(graph, ATEN.mul.Tensor)
    with graph.graph.inserting_before(total):
        row_sums = add_call(graph, product, ATEN.sum.dim_IntList, product, [1])
    assert value_of(row_sums).shape == value_of(product).shape[:1]
    total.replace_all_uses_with(row_sums)
    recompile(graph)
    assert calls(graph, ATEN.add.Tensor) == []
    a = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(graph(a)[0], (a * a).sum(1))
