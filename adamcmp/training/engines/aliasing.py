"""Which tensors of a traced graph share memory, and until when each memory is used."""

from __future__ import annotations

import math
import operator
from typing import Any

import torch
from torch.fx import Graph, Node

_aten = torch.ops.aten

#: Operations whose results share memory with their first argument, although their schemas do not
#: say so.
_UNDECLARED_VIEWS = (
    operator.getitem,
    _aten._unsafe_view.default,
    _aten.unsafe_split.Tensor,
    _aten.unsafe_split_with_sizes.default,
)

#: The arguments that operations change although their schemas do not say so: running statistics.
_UNDECLARED_CHANGES: dict[Any, tuple[str, ...]] = {
    _aten.native_batch_norm.default: ("running_mean", "running_var")
}


def changed_arguments(node: Node) -> list[Node]:
    """Return the arguments that a call changes in place or writes its result to."""
    schema = getattr(node.target, "_schema", None)
    undeclared = _UNDECLARED_CHANGES.get(node.target, ())
    changed: list[Node] = []
    for number, argument in enumerate(schema.arguments if schema is not None else ()):
        alias = argument.alias_info
        if (alias is not None and alias.is_write) or argument.name in undeclared:
            value = node.args[number] if number < len(node.args) else node.kwargs[argument.name]
            values = value if isinstance(value, list | tuple) else [value]
            changed += [entry for entry in values if isinstance(entry, Node)]
    return changed


def _shared_argument(node: Node) -> Node | None:
    """Return the argument with which the result of a call shares memory, if any."""
    if node.op != "call_function":
        return None
    schema = getattr(node.target, "_schema", None)
    declared = schema is not None and any(result.alias_info for result in schema.returns)
    if not declared and node.target not in _UNDECLARED_VIEWS:
        return None
    source = next(iter(changed_arguments(node)), node.args[0])
    return source if isinstance(source, Node) else None


class Memory:
    """The memory of the tensors of a graph.

    Attributes:
        position: The position of each node in the graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.position = {node: number for number, node in enumerate(graph.nodes)}
        self._sources: dict[Node, Node] = {}
        self._last_use: dict[Node, float] = {}
        #: The positions at which calls change the memory that a node has allocated.
        self._changes: dict[Node, list[int]] = {}
        for node, number in self.position.items():
            if source := _shared_argument(node):
                self._sources[node] = source
            end = math.inf if node.op == "output" else number
            for used in (node, *node.all_input_nodes):
                self._last_use[self.owner(used)] = end
            for changed in changed_arguments(node):
                self._changes.setdefault(self.owner(changed), []).append(number)

    def owner(self, node: Node) -> Node:
        """Return the node that allocated the memory of a node's tensor."""
        while node in self._sources:
            node = self._sources[node]
        return node

    def is_view(self, node: Node) -> bool:
        """Return whether a node's tensor is in memory that another node allocated."""
        return node in self._sources

    def last_use(self, node: Node) -> float:
        """Return the position of the last node that uses the memory; infinite if it is returned."""
        return self._last_use[self.owner(node)]

    def is_changed(self, node: Node) -> bool:
        """Return whether some call changes the memory of a node's tensor."""
        return self.owner(node) in self._changes

    def can_share(self, copy: Node, source: Node) -> bool:
        """Return whether the users of a copy can use its source instead.

        They can if neither tensor is changed until the last use of the copy.
        """
        changes = self._changes.get(self.owner(source), [])
        end = self.last_use(copy)
        if end == math.inf:  # the caller keeps the copy, and may change the source
            return not changes and not self.is_changed(copy)
        later = any(self.position[copy] < change <= end for change in changes)
        return not later and not self.is_changed(copy)

    def replace(self, node: Node, replacement: Node, destination: Node) -> None:
        """Take note that a node was replaced by one that writes its result to existing memory.

        Args:
            node: The node that allocated memory for its result.
            replacement: The node that computes the same.
            destination: The node in whose memory the result is written.
        """
        self.position[replacement] = self.position[node]
        end = max(self.last_use(node), self.last_use(destination))
        self._sources[replacement] = self._sources[node] = destination
        self._last_use[self.owner(destination)] = end
        changes = self._changes.setdefault(self.owner(destination), [])
        changes.append(self.position[replacement])


def constants(graph: Graph) -> set[Node]:
    """Return the nodes whose tensors or sizes depend only on the shapes of the arguments.

    Random numbers are not constant, and neither are tensors that some call changes in place.
    """
    memory, constant = Memory(graph), set[Node]()
    for node in graph.nodes:
        is_size = node.target is torch.ops.aten.sym_size.int
        is_random = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
        of_constants = node.op == "call_function" and constant.issuperset(node.all_input_nodes)
        is_constant = node.op == "get_attr" or is_size or (of_constants and not is_random)
        if is_constant and not memory.is_changed(node):
            constant.add(node)
    return constant
