"""Engines: how the step of fused lanes is executed, once traced to one flat graph of tensors.

Both engines trace the same function with a symbolic number of lanes, so one trace serves all
widths: ``eager`` runs the graph's operations one by one through torch's own kernels,
``compiled`` hands it to inductor, which writes, compiles and keeps a shared library
(AOTInductor). A library that is there already is loaded in a millisecond, without dynamo or
inductor. The two differ in the last bits, so a study keeps to one of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import Tensor
from torch.fx import GraphModule, Node

from adamcmp.cache import cache_folder, source_digest
from adamcmp.errors import EngineError
from adamcmp.provenance import cpp_compiler, cpu_features, cpu_name

#: Takes and returns flat lists of tensors; it changes those that hold state in place.
Executable = Callable[[Sequence[Tensor]], Sequence[Tensor]]
#: Which axes of an argument are symbolic, and the name of the size.
Axes = Mapping[int, str]

#: Sizes that symbolic axes have while tracing; what matters is that they differ.
_HINTS = {"M": 23, "N": 10007}
#: Products narrower than this are padded to it, since 10-wide ones run at a third of the speed.
_NARROW = 16
#: Most operations that inductor may write into one loop, tried in turn: its default, and one
#: that keeps it from the fusions of outer loops that it fails at in attention.
_FUSION = (64, 8)

_aten = torch.ops.aten


def eager(function: Callable[..., Any], arguments: list[Tensor], axes: list[Axes]) -> Executable:
    """Return the function's graph, run operation by operation.

    Args:
        function: Takes tensors in the order of `arguments` and returns a tuple of tensors; it may
            change arguments in place.
        arguments: Examples of the arguments.
        axes: The symbolic axes of each.
    """
    from torch._functorch.compile_utils import fx_graph_cse

    graph = _trace(function, arguments, axes)
    graph.graph = fx_graph_cse(graph.graph)
    graph.recompile()
    return lambda tensors: graph(*tensors)


def compiled(
    function: Callable[..., Any], arguments: list[Tensor], axes: list[Axes], about: Any
) -> Executable:
    """Return the function as compiled code, from the cache where it is there.

    Args:
        function: As for `eager`.
        arguments: As for `eager`.
        axes: As for `eager`.
        about: Plain JSON values that, with shapes and versions, decide what the function is.

    Raises:
        EngineError: When there is no C++ compiler, or the code cannot be compiled.
    """
    shapes = [
        [str(t.dtype), [axis.get(d, n) for d, n in enumerate(t.shape)]]
        for t, axis in zip(arguments, axes, strict=True)
    ]
    machine = [cpu_name(), cpu_features(), torch.__version__, torch.get_num_threads()]
    text = json.dumps([about, shapes, machine, source_digest()], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:24]
    library = cache_folder() / "compiled" / f"{key}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        # Beside our own cache, where it survives and needs no name of the user.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "inductor"))
        with FileLock(library.with_suffix(".lock")):  # of two workers one compiles
            if not library.exists():
                _compile(_trace(function, arguments, axes), library)
    runner = torch._C._aoti.AOTIModelContainerRunnerCpu(str(library), 1)
    return lambda tensors: runner.run(list(tensors))


def _compile(graph: GraphModule, library: Path) -> None:
    if cpp_compiler() is None:
        raise EngineError(
            "engine=compiled needs a C++ compiler, and there is none on the PATH (g++, clang++, "
            "or $CXX). Install one, or use engine=eager in another study."
        )
    import torch._inductor
    from torch._inductor.exc import CppCompileError

    _widen_products(graph)
    _keep_numbers(graph)
    fakes = tuple(n.meta["val"] for n in graph.graph.nodes if n.op == "placeholder")
    for fusion in _FUSION:
        try:
            with warnings.catch_warnings(), torch._inductor.config.patch(max_fusion_size=fusion):
                warnings.simplefilter("ignore")
                written = torch._inductor.aot_compile(graph, fakes)
            break
        except Exception as error:
            cause = getattr(error, "inner_exception", error)
            # What may go well next time (a full disk, a compiler killed) must not decide how the
            # step is written, and so its bits.
            if fusion == _FUSION[-1] or isinstance(cause, OSError | MemoryError | CppCompileError):
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise EngineError(
                    f"The step cannot be compiled ({line}). Use engine=eager in another study."
                ) from error
    temporary = library.with_name(f".tmp-{library.name}-{os.getpid()}")
    shutil.copyfile(str(written), temporary)
    temporary.replace(library)


def _trace(function: Callable[..., Any], arguments: list[Tensor], axes: list[Axes]) -> GraphModule:
    """Trace a function to one graph of aten operations with symbolic axes."""
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
        kinds = [DimDynamic.DUCK if d in symbolic else DimDynamic.STATIC for d in range(len(shape))]
        return mode.from_tensor(
            torch.empty(shape, dtype=tensor.dtype, device=tensor.device),
            symbolic_context=StatelessSymbolicContext(dynamic_sizes=kinds),
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


def _widen_products(graph: GraphModule) -> None:
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


def _keep_numbers(graph: GraphModule) -> None:
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
