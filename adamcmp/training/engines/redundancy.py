"""Passes that remove redundant operations from a traced graph; its results keep their bits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from adamcmp.training.engines.aliasing import Memory, changed_arguments
from adamcmp.training.engines.graph_edits import add_call, calls, recompile
from adamcmp.training.engines.operations import layout
from adamcmp.training.engines.torch_internals import value_of

_aten = torch.ops.aten

_PRODUCTS = (_aten.mul.Scalar, _aten.mul.Tensor)


def remove_redundant(graph: GraphModule) -> None:
    """Remove what vmap and autograd add: products with 1, views without effect, transposes."""
    _remove_products_with_one(graph)
    for node in calls(graph, _aten.view.default, _aten.expand.default, _aten.detach.default):
        source = node.args[0]
        if isinstance(source, Node) and value_of(node).shape == value_of(source).shape:
            node.replace_all_uses_with(source)
    graph.graph.eliminate_dead_code()
    _move_transposes_inside(graph)
    recompile(graph)


def _remove_products_with_one(graph: GraphModule) -> None:
    memory = Memory(graph.graph)
    for node in calls(graph, *_PRODUCTS):
        factor = node.args[0]
        if not isinstance(factor, Node) or node.args[1] != 1:
            continue
        if memory.can_share(node, factor) and _can_replace(factor, node):
            node.replace_all_uses_with(factor)


def _can_replace(source: Node, product: Node) -> bool:
    """Return whether the users of a product with 1 can use its factor, despite another layout.

    They can if the layouts are equal, or if they are views that add or remove dimensions of size 1,
    which every layout allows.
    """
    if layout(source) == layout(product):
        return True
    shapes = [_sizes_above_1(node) for node in (source, *product.users)]
    are_views = all(user.target is _aten.view.default for user in product.users)
    same_dtype = value_of(source).dtype == value_of(product).dtype
    return are_views and same_dtype and all(shape == shapes[0] for shape in shapes)


def _sizes_above_1(node: Node) -> list[str]:
    """Return the sizes of a tensor's dimensions without those of 1, as expressions."""
    value = value_of(node)
    sizes = value.shape if isinstance(value, Tensor) else ()
    return [str(size) for size in sizes if str(size) != "1"]


def _move_transposes_inside(graph: GraphModule) -> None:
    """Replace (a·b)ᵀ by bᵀ·aᵀ.

    Autograd computes the gradient of a weight as the transpose of a product. With this
    replacement, the gradient has the memory layout of the weight.
    """
    for node in calls(graph, _aten.transpose.int):
        product = node.args[0]
        assert isinstance(product, Node)
        if product.target is not _aten.bmm.default or len(product.users) > 1:
            continue
        if sorted(int(str(d)) % 3 for d in node.args[1:]) != [1, 2]:
            continue
        factors = [argument for argument in product.args if isinstance(argument, Node)]
        with graph.graph.inserting_before(node):
            transposed = [
                add_call(graph, factor, _aten.transpose.int, factor, 1, 2)
                for factor in reversed(factors)
            ]
            transposed_product = add_call(graph, product, _aten.bmm.default, *transposed)
            node.replace_all_uses_with(transposed_product)


def merge_equal(graph: GraphModule) -> None:
    """Compute equal calls once.

    Calls before and after a change in place are not merged, because it may change their inputs.
    New tensors that are changed in place are not merged either.
    """
    memory = Memory(graph.graph)
    computed: dict[Any, Node] = {}
    for node in calls(graph):
        if changed_arguments(node):
            computed.clear()
        elif memory.is_changed(node) and not memory.is_view(node):
            continue
        elif torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
            first = computed.setdefault((node.target, _key(node.args), _key(node.kwargs)), node)
            if first is not node:
                node.replace_all_uses_with(first)
                graph.graph.erase_node(node)


def _key(argument: Any) -> Any:
    """Return a hashable form of the arguments of a call."""
    if isinstance(argument, list | tuple):
        return tuple(_key(entry) for entry in argument)
    if isinstance(argument, dict):
        return tuple((name, _key(value)) for name, value in sorted(argument.items()))
    # The arguments True, 1 and 1.0 are equal, but differ in effect.
    return argument if isinstance(argument, Node) else (type(argument), argument)
