"""A step as one flat graph of aten operations, and the passes that ready it for compiling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from adamcmp.errors import EngineError

#: Which axes of an argument are symbolic, and the name of the size.
Axes = Mapping[int, str]

#: Sizes that symbolic axes have while tracing; what matters is that they differ.
_HINTS = {"M": 23, "N": 10007}
#: Products narrower than this are padded to it: on a processor 10-wide ones run at a third of the
#: speed.
_NARROW = 16

_aten = torch.ops.aten


def trace(function: Callable[..., Any], arguments: list[Tensor], axes: list[Axes]) -> GraphModule:
    """Trace a function to one graph of aten operations with symbolic axes.

    Args:
        function: Takes tensors and returns a tuple of tensors; it may change arguments in place.
        arguments: Examples of the arguments.
        axes: The symbolic axes of each.

    Raises:
        EngineError: When an operation fixes the size of such an axis.
    """
    # Imported here: it takes half a second, which a cached library does not need.
    from torch._dynamo.source import ConstantSource
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.fx.experimental.symbolic_shapes import (
        DimDynamic,
        ShapeEnv,
        StatelessSymbolicContext,
    )

    sizes = ShapeEnv()
    mode = FakeTensorMode(shape_env=sizes, allow_non_fake_inputs=True)

    def fake(number: int, tensor: Tensor, symbolic: Axes) -> Tensor:
        shape = [_HINTS[symbolic[d]] if d in symbolic else n for d, n in enumerate(tensor.shape)]
        dims = [DimDynamic.DUCK if d in symbolic else DimDynamic.STATIC for d in range(len(shape))]
        return mode.from_tensor(
            torch.empty(shape, dtype=tensor.dtype, device=tensor.device),
            symbolic_context=StatelessSymbolicContext(dynamic_sizes=dims),
            source=ConstantSource(f"argument{number}"),
        )

    fakes = [fake(i, t, a) for i, (t, a) in enumerate(zip(arguments, axes, strict=True))]
    graph = make_fx(function, tracing_mode="symbolic")(*fakes)
    if fixed := sizes.replacements:
        raise EngineError(f"An operation of the model fixes the number of lanes ({fixed}).")
    _tidy(graph, mode)
    return graph


def _tidy(graph: GraphModule, mode: Any) -> None:
    """Take away what vmap and autograd leave behind: views that change nothing, transposes.

    A gradient of a weight arrives as a product's transpose; computed the other way round, its
    numbers lie as the weight's do.
    """
    nodes = graph.graph
    for node in _calls(graph, _aten.view.default, _aten.expand.default, _aten.detach.default):
        source = node.args[0]
        if isinstance(source, Node) and node.meta["val"].shape == source.meta["val"].shape:
            node.replace_all_uses_with(source)
    nodes.eliminate_dead_code()
    for node in _calls(graph, _aten.transpose.int):
        product = node.args[0]
        assert isinstance(product, Node)
        if product.target is not _aten.bmm.default or len(product.users) > 1:
            continue
        if sorted(int(str(d)) % 3 for d in node.args[1:]) != [1, 2]:
            continue
        a, b = product.args
        with nodes.inserting_before(node):
            turned = [_call(graph, mode, _aten.transpose.int, t, 1, 2) for t in (b, a)]
            node.replace_all_uses_with(_call(graph, mode, _aten.bmm.default, *turned))
    nodes.eliminate_dead_code()
    nodes.lint()
    graph.recompile()


def widen_products(graph: GraphModule) -> None:
    """Pad the narrow axes of products, such as ten classes, with zeros."""
    nodes = graph.graph
    for node in _calls(graph, _aten.bmm.default):
        a, b = (argument for argument in node.args if isinstance(argument, Node))
        mode = _mode(a)
        _, rows, inner = a.meta["val"].shape
        columns = b.meta["val"].shape[2]
        if min(rows, inner, columns) >= _NARROW or 1 in (rows, inner, columns):
            continue
        with nodes.inserting_before(node):
            padded = [_padded(graph, mode, t) for t in (a, b)]
            product = _call(graph, mode, _aten.bmm.default, *padded)
            for axis, size in ((1, rows), (2, columns)):
                if size < _NARROW:
                    product = _call(graph, mode, _aten.slice.Tensor, product, axis, 0, size)
        node.replace_all_uses_with(product)
    nodes.eliminate_dead_code()
    nodes.lint()
    graph.recompile()


def keep_numbers(graph: GraphModule) -> None:
    """Have each lane's own numbers (M,) computed once, not anew for each element they meet.

    Inductor writes cheap producers into their consumers' inner loops, powers of β among them;
    ``as_strided`` makes it keep its input.
    """
    nodes = graph.graph
    for node in [n for n in nodes.nodes if n.op == "call_function"]:
        value = node.meta.get("val")
        if not isinstance(value, Tensor) or value.ndim != 1 or not value.is_floating_point():
            continue
        wider = [u for u in node.users if getattr(u.meta.get("val"), "ndim", 0) > 1]
        if not wider:
            continue
        mode = _mode(node)
        with nodes.inserting_after(node):
            lanes = _call(graph, mode, _aten.sym_size.int, node, 0)
        with nodes.inserting_after(lanes):
            kept = _call(graph, mode, _aten.as_strided.default, node, [lanes], [1])
        for user in wider:
            user.replace_input_with(node, kept)
    nodes.lint()
    graph.recompile()


def _padded(graph: GraphModule, mode: Any, node: Node) -> Node:
    # By concatenation: inductor reads out of bounds where a padded tensor was gathered.
    for axis in (1, 2):
        shape = list(node.meta["val"].shape)
        if shape[axis] < _NARROW:
            value = node.meta["val"]
            lanes = _call(graph, mode, _aten.sym_size.int, node, 0)
            shape[0], shape[axis] = lanes, _NARROW - shape[axis]
            zeros = _call(
                graph, mode, _aten.full.default, shape, 0.0, dtype=value.dtype, device=value.device
            )
            node = _call(graph, mode, _aten.cat.default, [node, zeros], axis)
    return node


def _mode(node: Node) -> Any:
    return node.meta["val"].fake_mode


def _calls(graph: GraphModule, *targets: Any) -> list[Node]:
    return [n for n in graph.graph.nodes if n.op == "call_function" and n.target in targets]


def _call(graph: GraphModule, mode: Any, target: Any, *arguments: Any, **named: Any) -> Node:
    """Add a call to the graph, with the value that later passes look at."""
    from torch.utils._pytree import tree_map

    node = graph.graph.call_function(target, arguments, named)
    values = tree_map(lambda a: a.meta["val"] if isinstance(a, Node) else a, arguments)
    with mode:
        node.meta["val"] = target(*values, **named)
    return node
