"""Adapter to inductor's private API: faster functions with the same results.

Inductor compiles the same code with them. ``tests/training/engines/test_inductor_shortcuts.py``
compares each of them with the function that it replaces.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from unittest import mock
from weakref import WeakKeyDictionary

from torch.fx.node import Node, map_arg


@contextlib.contextmanager
def shortcuts() -> Iterator[None]:
    """Replace functions of inductor by faster ones."""
    from torch._inductor import sizevars
    from torch._inductor.loop_body import InterpreterShim, LoopBody
    from torch._inductor.scheduler import Scheduler
    from torch.utils._ordered_set import OrderedSet

    with contextlib.ExitStack() as stack:
        for owner, name, function in (
            (OrderedSet, "__and__", _intersection(OrderedSet.__and__)),
            (OrderedSet, "__or__", _union(OrderedSet.__or__)),
            (InterpreterShim, "run", _interpretation(InterpreterShim.run)),
            (LoopBody, "indexing_from_args", _indexing(LoopBody.indexing_from_args)),
            (
                Scheduler,
                "can_fusion_increase_peak_memory",
                _memory_check(Scheduler.can_fusion_increase_peak_memory),
            ),
            (sizevars, "stride_at", _stride(sizevars.stride_at)),
            (
                sizevars,
                "simplify_index_in_vec_range",
                _simplification(sizevars.simplify_index_in_vec_range),
            ),
        ):
            stack.enter_context(mock.patch.object(owner, name, function))
        yield


def _intersection(slow: Any) -> Any:
    """Return ``OrderedSet.__and__``, which otherwise calls a function for each element."""

    def intersection(one: Any, other: Any) -> Any:
        if type(one) is not type(other):
            return slow(one, other)
        smaller, larger = (one, other) if len(one._dict) < len(other._dict) else (other, one)
        elements = larger._dict
        return one._from_dict({element: None for element in smaller._dict if element in elements})

    return intersection


def _union(slow: Any) -> Any:
    """Return ``OrderedSet.__or__``, which otherwise calls a function for each element."""

    def union(one: Any, other: Any) -> Any:
        if type(one) is not type(other):
            return slow(one, other)
        return one._from_dict(one._dict | other._dict)

    return union


def _interpretation(slow: Any) -> Any:
    """Return ``InterpreterShim.run`` without progress bars, messages and metadata."""
    from torch._inductor.virtualized import V

    def run(self: Any, *arguments: Any, **options: Any) -> Any:
        if options:
            return slow(self, *arguments, **options)
        values: dict[Node, Any] = {}
        inputs = iter(arguments)

        def value(argument: Any) -> Any:
            if isinstance(argument, Node):
                return values[argument]
            is_nested = isinstance(argument, tuple | list | dict | slice)
            return map_arg(argument, values.__getitem__) if is_nested else argument

        with V.set_interpreter_handler(self):
            for node in self.graph.nodes:
                self.current_node = node
                if node.op == "placeholder":
                    values[node] = next(inputs)
                    continue
                given = [value(argument) for argument in node.args]
                named = {name: value(argument) for name, argument in node.kwargs.items()}
                if node.op == "output":
                    values[node] = given[0]
                    break
                if node.op == "call_method":
                    function, *given = getattr(given[0], node.target), *given[1:]
                elif node.op == "call_module":
                    function = self.submodules[node.target]
                else:
                    function = node.target
                values[node] = function(*given, **named)
        return values[node]

    return run


def _indexing(slow: Any) -> Any:
    """Return ``LoopBody.indexing_from_args`` with a cache.

    Inductor calls it with the same arguments for each access of a loop.
    """
    caches: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()

    def indexing(self: Any, indices: Any, allow_same_symbol_in_index: bool = False) -> Any:
        cache = caches.setdefault(self, {})
        key = tuple(index for group in indices for index in group), allow_same_symbol_in_index
        if key not in cache:
            cache[key] = slow(self, indices, allow_same_symbol_in_index)
        return dict(cache[key])

    return indexing


def _memory_check(slow: Any) -> Any:
    """Return ``Scheduler.can_fusion_increase_peak_memory`` without the score of most pairs.

    If two nodes read no buffers whose memory could be reused, fusing them needs no more memory.
    """
    from torch._inductor.codegen.wrapper import buffer_reuse_key

    caches: WeakKeyDictionary[Any, tuple[Any, frozenset[Any]]] = WeakKeyDictionary()

    def reusable(scheduler: Any, node: Any) -> frozenset[Any]:
        accesses, keys = caches.get(node, (None, frozenset()))
        if accesses is not node.read_writes:
            buffers = [scheduler.name_to_buf.get(read.name) for read in node.read_writes.reads]
            keys = frozenset(
                buffer_reuse_key(buffer.node)
                for buffer in buffers
                if buffer and len(buffer.users) == 1 and buffer.node.has_tensor_output()
            )
            caches[node] = node.read_writes, keys
        return keys

    def can_increase(self: Any, node1: Any, node2: Any) -> Any:
        if reusable(self, node1).isdisjoint(reusable(self, node2)):
            return False
        return slow(self, node1, node2)

    return can_increase


def _stride(slow: Any) -> Any:
    """Return ``sizevars.stride_at``, with a shorter computation for polynomials."""
    import sympy

    def stride(index: Any, variable: Any) -> Any:
        if _is_polynomial(index):
            return sympy.expand(index.xreplace({variable: variable + 1}) - index)
        return slow(index, variable)

    return stride


def _simplification(slow: Any) -> Any:
    """Return ``sizevars.simplify_index_in_vec_range``, which leaves polynomials as they are."""

    def simplification(index: Any, variable: Any, length: int) -> Any:
        return index if _is_polynomial(index) else slow(index, variable, length)

    return simplification


@lru_cache(maxsize=10_000)
def _is_polynomial(expression: Any) -> bool:
    import sympy

    parts = sympy.Add, sympy.Mul, sympy.Symbol, sympy.Integer
    return all(isinstance(part, parts) for part in sympy.preorder_traversal(expression))
