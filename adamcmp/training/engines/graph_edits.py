"""Read and change the operations of a traced graph."""

from __future__ import annotations

from typing import Any

from torch.fx import GraphModule, Node

from adamcmp.training.engines.torch_internals import tree_map, value_of


def calls(graph: GraphModule, *targets: Any) -> list[Node]:
    """Return the calls of some operations in order; of all operations if none are named."""
    nodes = [node for node in graph.graph.nodes if node.op == "call_function"]
    return [node for node in nodes if not targets or node.target in targets]


def add_call(graph: GraphModule, like: Node, target: Any, *arguments: Any, **named: Any) -> Node:
    """Add a call at a graph's insertion point, and record its value for later passes.

    Args:
        graph: The graph.
        like: A node whose value is a fake tensor; its ``fake_mode`` computes the new value.
        target: The operation.
        arguments: Its arguments: nodes, numbers, or lists of them.
        named: Its keyword arguments, which must not be nodes.
    """
    node = graph.graph.call_function(target, arguments, named)
    values = tree_map(lambda a: value_of(a) if isinstance(a, Node) else a, arguments)
    with value_of(like).fake_mode:
        node.meta["val"] = target(*values, **named)
    return node


def recompile(graph: GraphModule) -> None:
    """Remove the operations without effect, check the graph, and generate its code again."""
    graph.graph.eliminate_dead_code()
    graph.graph.lint()
    graph.recompile()
