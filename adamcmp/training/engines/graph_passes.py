"""Passes over a traced graph that make its compiled code faster."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from adamcmp.training.engines.graph_edits import add_call, calls, recompile
from adamcmp.training.engines.products import PRODUCT, is_supported
from adamcmp.training.engines.torch_internals import value_of

#: Minimum size of a product's dimensions: on a CPU, products of width 10 reach only a third of the
#: speed.
_MIN_WIDTH = 16

_aten = torch.ops.aten


def widen_products(graph: GraphModule) -> None:
    """Pad narrow dimensions of batched products, such as ten classes, with zeros."""
    for node in calls(graph, _aten.bmm.default):
        a, b = (argument for argument in node.args if isinstance(argument, Node))
        _, rows, inner = value_of(a).shape
        columns = value_of(b).shape[2]
        if min(rows, inner, columns) >= _MIN_WIDTH or 1 in (rows, inner, columns):
            continue
        with graph.graph.inserting_before(node):
            padded = [_pad(graph, factor) for factor in (a, b)]
            product = add_call(graph, a, _aten.bmm.default, *padded)
            for dimension, size in ((1, rows), (2, columns)):
                if size < _MIN_WIDTH:
                    product = add_call(graph, a, _aten.slice.Tensor, product, dimension, 0, size)
        node.replace_all_uses_with(product)
    recompile(graph)


def fuse_products(graph: GraphModule) -> None:
    """Replace batched products by `PRODUCT`, together with the operations that follow each."""
    for node in calls(graph, _aten.bmm.default):
        a, b = (argument for argument in node.args if isinstance(argument, Node))
        if is_supported(value_of(a), value_of(b)):
            last, *options = _following(node)
            with graph.graph.inserting_before(last):
                product = add_call(graph, a, PRODUCT, a, b, *options)
            last.replace_all_uses_with(product)
    recompile(graph)


def _following(product: Node) -> tuple[Any, ...]:
    """Return the last of the operations that `PRODUCT` replaces, and its arguments but a and b."""
    user = _only_user(product)
    if user is None:
        return product, None, None, False
    if user.target is _aten.threshold_backward.default and user.args[::2] == (product, 0):
        return user, None, user.args[1], False
    if user.target is _aten.add.Tensor and (bias := _bias(user, product)) is not None:
        after = _only_user(user)
        if after is not None and after.target is _aten.relu.default:
            return after, bias, None, True
        return user, bias, None, False
    return product, None, None, False


def _only_user(node: Node) -> Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _bias(addition: Node, product: Node) -> Node | None:
    """Return the vector of each lane (M, C) that is added to each row of a product."""
    other = next((a for a in addition.args if a is not product), None)
    if not isinstance(other, Node) or other.target is not _aten.view.default:
        return None
    vector = other.args[0]
    assert isinstance(vector, Node)
    lanes, columns = value_of(product).shape[0], value_of(product).shape[2]
    is_row = value_of(other).shape == (lanes, 1, columns) and value_of(vector).ndim == 2
    return vector if is_row and value_of(vector).dtype == value_of(product).dtype else None


def divide_lanes_once(graph: GraphModule) -> None:
    """Replace divisions by a value of each lane (M,) by products with its reciprocal.

    Adam divides every element by its bias corrections, and a processor divides ten times slower
    than it multiplies.
    """
    for node in calls(graph, _aten.div.Tensor):
        numerator, divisor = node.args
        if not isinstance(divisor, Node) or divisor.target is not _aten.view.default:
            continue
        lanes, shape = divisor.args
        assert isinstance(lanes, Node)
        is_wider = value_of(node).ndim > 1 and value_of(divisor).shape[1:].numel() == 1
        if is_wider and value_of(lanes).ndim == 1 and value_of(lanes).is_floating_point():
            with graph.graph.inserting_before(node):
                reciprocal = add_call(graph, lanes, _aten.reciprocal.default, lanes)
                factor = add_call(graph, divisor, _aten.view.default, reciprocal, shape)
                product = add_call(graph, divisor, _aten.mul.Tensor, numerator, factor)
            node.replace_all_uses_with(product)
    recompile(graph)


def materialize_lane_values(graph: GraphModule) -> None:
    """Compute per-lane values (M,) once instead of once per element that uses them.

    Inductor inlines cheap operations, powers of β among them, into the inner loops that use their
    results. ``as_strided`` makes it store its input.
    """
    for node in calls(graph):
        value = value_of(node)
        if not isinstance(value, Tensor) or value.ndim != 1 or not value.is_floating_point():
            continue
        wider = [user for user in node.users if getattr(value_of(user), "ndim", 0) > 1]
        if not wider:
            continue
        with graph.graph.inserting_after(node):
            lanes = add_call(graph, node, _aten.sym_size.int, node, 0)
        with graph.graph.inserting_after(lanes):
            stored = add_call(graph, node, _aten.as_strided.default, node, [lanes], [1])
        for user in wider:
            user.replace_input_with(node, stored)
    graph.graph.lint()
    graph.recompile()


def _pad(graph: GraphModule, node: Node) -> Node:
    """Pad a factor (M, rows, columns) to the minimum width.

    Padding is a concatenation, because inductor reads out of bounds if a padded tensor was
    gathered.
    """
    for dimension in (1, 2):
        value = value_of(node)
        shape: list[Any] = list(value.shape)
        if shape[dimension] < _MIN_WIDTH:
            lanes = add_call(graph, node, _aten.sym_size.int, node, 0)
            shape[0], shape[dimension] = lanes, _MIN_WIDTH - shape[dimension]
            options = {"dtype": value.dtype, "device": value.device}
            zeros = add_call(graph, node, _aten.full.default, shape, 0.0, **options)
            node = add_call(graph, node, _aten.cat.default, [node, zeros], dimension)
    return node
