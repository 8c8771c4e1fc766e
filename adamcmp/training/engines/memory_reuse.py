"""Passes over a traced graph that let operations write their results to existing memory.

A result in new memory takes time to allocate and displaces other tensors from the caches.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from adamcmp.training.engines.aliasing import Memory, constants
from adamcmp.training.engines.operations import elements, elementwise_forms, layout
from adamcmp.training.engines.torch_internals import value_of

_copy = torch.ops.aten.copy_.default


def reuse_memory(graph: GraphModule) -> None:
    """Write elementwise results to the memory of the state, or of tensors without further use."""
    memory, constant = Memory(graph.graph), constants(graph.graph)
    for node in [n for n in graph.graph.nodes if n.target is _copy]:
        _write_to_target(graph, memory, node)
    for node in [n for n in graph.graph.nodes if n.op == "call_function" and n not in constant]:
        _overwrite_argument(graph, memory, node, constant)
    graph.graph.lint()
    graph.recompile()


def _write_to_target(graph: GraphModule, memory: Memory, copy: Node) -> None:
    """Have an elementwise operation write its result to the target of a later copy."""
    target, result = copy.args[:2]
    if not isinstance(target, Node) or not isinstance(result, Node):
        return
    is_fresh = memory.owner(result) is result and memory.last_use(result) < math.inf
    if not is_fresh or layout(target) != layout(result) or _is_used(memory, target, result, copy):
        return
    if written := _add_writing_form(graph, memory, result, target):
        _replace(graph, memory, result, written, target)
        copy.replace_all_uses_with(written)
        graph.graph.erase_node(copy)
        del memory.position[copy]


def _is_used(memory: Memory, target: Node, after: Node, copy: Node) -> bool:
    """Return whether a node after another one, except the copy, uses the memory of the target."""
    return any(
        memory.owner(argument) is memory.owner(target)
        for node, position in memory.position.items()
        if position > memory.position[after] and node is not copy
        for argument in node.all_input_nodes
    )


def _overwrite_argument(
    graph: GraphModule, memory: Memory, node: Node, constant: set[Node]
) -> None:
    """Have an elementwise operation overwrite one of its arguments that has no further use."""
    if memory.owner(node) is not node:
        return
    for argument in node.all_input_nodes:
        owner = memory.owner(argument)
        is_temporary = owner.op == "call_function" and owner not in constant
        if not is_temporary or memory.last_use(owner) > memory.position[node]:
            continue
        complete = isinstance(value_of(owner), Tensor) and elements(owner) == elements(argument)
        if not complete or layout(argument) != layout(node):
            continue
        if written := _add_writing_form(graph, memory, node, argument):
            _replace(graph, memory, node, written, argument)
            return


def _add_writing_form(
    graph: GraphModule, memory: Memory, node: Node, destination: Node
) -> Node | None:
    """Add the form of an operation that writes its result to the memory of a destination.

    Returns:
        The added call; None if the operation has no such form.
    """
    forms = elementwise_forms(node.target)
    others = [argument for argument in node.all_input_nodes if argument is not destination]
    if any(memory.owner(argument) is memory.owner(destination) for argument in others):
        return None
    target, arguments, named = None, node.args, dict(node.kwargs)
    if forms.in_place is not None and node.args[0] is destination:
        target = forms.in_place
    elif forms.out is not None:
        target = forms.out
        named[forms.out_name] = destination
    if target is None:
        return None
    with graph.graph.inserting_before(node):
        written = graph.graph.call_function(target, arguments, named)
    written.meta["val"] = value_of(node)
    return written


def _replace(
    graph: GraphModule, memory: Memory, node: Node, written: Node, destination: Node
) -> None:
    memory.replace(node, written, destination)
    node.replace_all_uses_with(written)
    graph.graph.erase_node(node)
