"""Move a graph's changes of its arguments to its end, where inductor expects them."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from adamcmp.training.engines.aliasing import changed_arguments
from adamcmp.training.engines.graph_edits import add_call
from adamcmp.training.engines.torch_internals import value_of

_copy = torch.ops.aten.copy_.default


def defer_mutations(graph: GraphModule) -> bool:
    """Replace changes in place by new tensors, and copy these to the arguments at the graph's end.

    Args:
        graph: A traced graph. It is changed only if the result is true.

    Returns:
        Whether all changes could be replaced. They cannot if the graph changes a view of an
        argument, uses an old view of a changed argument, or changes an argument twice.
    """
    nodes = list(graph.graph.nodes)
    order = {node: position for position, node in enumerate(nodes)}
    changes = {node: node.args[0] for node in nodes if changed_arguments(node)}
    if len(set(changes.values())) < len(changes):
        return False
    if not all(_can_be_deferred(node, changes, order) for node in changes):
        return False
    new_values = {}
    for node, argument in changes.items():
        assert isinstance(argument, Node)
        value = _new_value(graph, node)
        for user in [user for user in argument.users if order.get(user, 0) > order[node]]:
            user.replace_input_with(argument, value)
        node.replace_all_uses_with(value)
        graph.graph.erase_node(node)
        new_values[argument] = value
    with graph.graph.inserting_before(nodes[-1]):
        for argument, value in new_values.items():
            add_call(graph, argument, _copy, argument, value)
    graph.graph.lint()
    graph.recompile()
    return True


def _can_be_deferred(node: Node, changes: Mapping[Node, Any], order: Mapping[Node, int]) -> bool:
    """Return whether a change in place can be replaced by a new tensor."""
    argument = node.args[0]
    assert isinstance(argument, Node)
    if argument.op != "placeholder" or _functional(node) is None:
        return False
    if any(order[user] > order[node] for view in _views(argument) for user in view.users):
        return False
    values = [value_of(other) for other in node.all_input_nodes]
    if any(isinstance(v, Tensor) and v.dtype != value_of(argument).dtype for v in values):
        return False
    if node.target is not _copy:
        return True
    source = node.args[1]
    assert isinstance(source, Node)
    # A copied argument may change before the end of the graph.
    changes_too = any(source in (other, *_views(other)) for other in changes.values())
    return value_of(source).shape == value_of(argument).shape and not changes_too


def _views(node: Node) -> Iterator[Node]:
    """Yield the nodes that share memory with a node because they were computed from it."""
    for user in node.users:
        schema = getattr(user.target, "_schema", None)
        is_view = schema is not None and any(r.alias_info is not None for r in schema.returns)
        if (is_view and not changed_arguments(user)) or user.target is operator.getitem:
            yield user
            yield from _views(user)


def _functional(node: Node) -> Any:
    """Return the operation that computes what an operation in place writes, or None."""
    name, overload = str(node.target).removeprefix("aten.").split(".")
    operation = getattr(torch.ops.aten, name.removesuffix("_"), None)
    return getattr(operation, overload, None) if name.endswith("_") else None


def _new_value(graph: GraphModule, node: Node) -> Node:
    """Return a node with the value that an operation in place writes."""
    argument, *others = node.args
    assert isinstance(argument, Node)
    if node.target is _copy:
        assert isinstance(others[0], Node)
        return others[0]
    with graph.graph.inserting_before(node):
        return add_call(graph, argument, _functional(node), argument, *others, **node.kwargs)
