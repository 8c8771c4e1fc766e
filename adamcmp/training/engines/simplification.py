"""Passes that prepare a traced graph for its execution one operation after the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from adamcmp.training.engines.aliasing import Memory
from adamcmp.training.engines.graph_edits import add_call, calls, recompile
from adamcmp.training.engines.operations import layout
from adamcmp.training.engines.redundancy import merge_equal
from adamcmp.training.engines.torch_internals import value_of

_aten = torch.ops.aten

#: Up to this many classes, torch's log-softmax over the last dimension takes longer than over
#: another dimension, where it is vectorized over examples (10 classes: 20 times as long).
_FEW_CLASSES = 32


def simplify(graph: GraphModule) -> None:
    """Simplify a graph; the rounding of its results may change."""
    _remove_copies(graph)
    _use_first_sizes(graph)
    _make_constant(graph)
    _pad_vectors(graph)
    merge_equal(graph)
    _interpolate(graph)
    _transpose_softmax(graph)
    recompile(graph)


def _remove_copies(graph: GraphModule) -> None:
    """Replace copies by their source, and transposes of transposes by the tensor itself."""
    memory = Memory(graph.graph)
    for node in calls(graph):
        source = node.args[0] if node.args else None
        if not isinstance(source, Node):
            continue
        if node.target is _aten._unsafe_view.default:
            node.target = _aten.view.default  # which torch's methods have
        elif original := _transposed_back(node, source):
            node.replace_all_uses_with(original)
        is_copy = node.target in (_aten.clone.default, _aten._to_copy.default)
        if is_copy and layout(node) == layout(source) and memory.can_share(node, source):
            node.replace_all_uses_with(source)


def _transposed_back(node: Node, source: Node) -> Node | None:
    """Return x if a call transposes a transpose of x back; None otherwise."""
    transpose, original = _aten.transpose.int, source.args[0] if source.args else None
    if node.target is not transpose or source.target is not transpose:
        return None
    dims = [{int(str(d)) % value_of(node).ndim for d in n.args[1:]} for n in (node, source)]
    return original if isinstance(original, Node) and dims[0] == dims[1] else None


def _use_first_sizes(graph: GraphModule) -> None:
    """Read each symbolic size from the first argument that has it."""
    placeholders = [node for node in graph.graph.nodes if node.op == "placeholder"]
    dims = [(node, dim) for node in placeholders for dim in range(value_of(node).ndim)]
    first: dict[str, tuple[Node, int]] = {}
    for node, dim in dims:
        first.setdefault(str(value_of(node).shape[dim]), (node, dim))
    sizes: dict[str, Node] = {}
    for node in [n for n in calls(graph) if n.target is _aten.sym_size.int]:
        name = str(value_of(node))
        if name in first and name not in sizes:
            with graph.graph.inserting_after(placeholders[-1]):
                sizes[name] = graph.graph.call_function(_aten.sym_size.int, first[name])
            sizes[name].meta["val"] = value_of(node)
        node.replace_all_uses_with(sizes.get(name, node))


def _make_constant(graph: GraphModule) -> None:
    """Replace tensors of ones of a fixed shape, from which gradients start, by constants."""
    for node in calls(graph):
        value = value_of(node)
        if node.target is _aten.ones_like.default and _is_static(value):
            with graph.graph.inserting_before(node):
                shape, options = list(value.shape), {"dtype": value.dtype, "device": value.device}
                ones = graph.graph.call_function(_aten.full.default, (shape, 1.0), options)
            ones.meta["val"] = value
            node.replace_all_uses_with(ones)


def _is_static(value: Tensor) -> bool:
    return all(isinstance(size, int) for size in value.shape)


def _pad_vectors(graph: GraphModule) -> None:
    """Give products of lanes that have a single row or column a second one, of zeros.

    torch computes a batch of one such product by another kernel than several, which rounds
    differently, so that the bits of a lane would depend on whether there are others.
    """
    for node in calls(graph):
        if node.target is not _aten.bmm.default or isinstance(value_of(node).shape[0], int):
            continue
        a, b = (argument for argument in node.args if isinstance(argument, Node))
        single = [_is_one(size) for size in value_of(node).shape]
        if not any(single):
            continue
        with graph.graph.inserting_before(node):
            pad = _aten.constant_pad_nd.default
            options = {"memory_format": torch.contiguous_format}
            rows = add_call(graph, a, pad, a, [0, 0, 0, 1]) if single[1] else a
            columns = add_call(graph, b, pad, b, [0, 1]) if single[2] else b
            product = add_call(graph, a, _aten.bmm.default, rows, columns)
            for dim in (1, 2):
                if single[dim]:
                    product = add_call(graph, a, _aten.slice.Tensor, product, dim, 0, 1)
            copy = add_call(graph, a, _aten.clone.default, product, **options)
        node.replace_all_uses_with(copy)


def _is_one(size: Any) -> bool:
    return isinstance(size, int) and size == 1


def _interpolate(graph: GraphModule) -> None:
    """Replace β·a + (1 − β)·b, a moving average, by one interpolation from a to b."""
    for node in calls(graph):
        if node.target is not _aten.add.Tensor or node.kwargs:
            continue
        factors = [_factors(term) for term in node.args]
        if len(factors) < 2 or not all(factors):
            continue
        (beta, average), (weight, value) = factors
        same_shape = str(value_of(average).shape) == str(value_of(value).shape)
        same_dtype = len({value_of(tensor).dtype for tensor in (average, value, weight)}) == 1
        if same_shape and same_dtype and _is_complement(weight, beta):
            with graph.graph.inserting_before(node):
                arguments = (average, value, weight)
                interpolated = graph.graph.call_function(_aten.lerp.Tensor, arguments)
            interpolated.meta["val"] = value_of(node)
            node.replace_all_uses_with(interpolated)


def _factors(term: Any) -> tuple[Node, ...]:
    """Return the two tensors that a term multiplies; nothing for other terms."""
    is_product = isinstance(term, Node) and term.target is _aten.mul.Tensor
    return tuple(term.all_input_nodes) if is_product and len(term.all_input_nodes) == 2 else ()


def _is_complement(weight: Node, beta: Node) -> bool:
    """Return whether a per-lane value is 1 − β, converted and broadcast in the same steps as β."""
    while weight.target in (_aten.view.default, _aten._to_copy.default):
        calls = [(n.target, n.args[1:], n.kwargs) for n in (weight, beta)]
        if calls[0] != calls[1]:
            return False
        weight, beta = weight.all_input_nodes[0], beta.all_input_nodes[0]
    return weight.target is _aten.rsub.Scalar and weight.args == (beta, 1)


def _transpose_softmax(graph: GraphModule) -> None:
    """Compute a log-softmax over few classes, and its gradient, over the last dimension but one."""
    targets = (_aten._log_softmax.default, _aten._log_softmax_backward_data.default)
    for node in calls(graph):
        if node.target not in targets:
            continue
        shape, inputs = value_of(node).shape, node.all_input_nodes
        dim, *others = node.args[len(inputs) :]
        last = len(shape) - 1
        if dim not in (-1, last) or not last or not _is_few(shape[last]):
            continue
        with graph.graph.inserting_before(node):
            swapped = [_transposed(graph, argument) for argument in inputs]
            computed = add_call(graph, node, node.target, *swapped, last - 1, *others)
            result = _transposed(graph, computed)
            options = {"memory_format": torch.contiguous_format}
            copy = add_call(graph, node, _aten.clone.default, result, **options)
        node.replace_all_uses_with(copy)


def _transposed(graph: GraphModule, node: Node) -> Node:
    """Exchange the last two dimensions of a tensor."""
    last = value_of(node).ndim - 1
    return add_call(graph, node, _aten.transpose.int, node, last - 1, last)


def _is_few(size: Any) -> bool:
    return isinstance(size, int) and size <= _FEW_CLASSES
