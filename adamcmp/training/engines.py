"""The compiled engine: the step of fused lanes as code that was written and compiled for it.

The step is traced to one flat graph of tensors with a symbolic number of lanes, so one compilation
serves all widths; inductor writes and compiles it, and the result is kept in the cache. For a
processor that is a shared library (AOTInductor), which is loaded in a millisecond, without dynamo
or inductor; for a GPU it is inductor's own artifact, whose Triton kernels need no CUDA toolkit.
Its last bits differ from those of the eager engine, which runs the function as it is written, so a
study keeps to one of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from filelock import FileLock
from torch import Tensor
from torch.fx import GraphModule, Node

from adamcmp.cache import cache_folder, source_digest
from adamcmp.errors import EngineError
from adamcmp.provenance import COMPILING_TAKES, can_compile, cpu_features, hardware

#: Takes and returns flat lists of tensors; it changes those that hold state in place.
Executable = Callable[[Sequence[Tensor]], Sequence[Tensor]]
#: Which axes of an argument are symbolic, and the name of the size.
Axes = Mapping[int, str]

#: Sizes that symbolic axes have while tracing; what matters is that they differ.
_HINTS = {"M": 23, "N": 10007}
#: Products narrower than this are padded to it: on a processor 10-wide ones run at a third of the
#: speed.
_NARROW = 16
#: Most operations that inductor may write into one loop, tried in turn: its default, and one
#: that keeps it from the fusions of outer loops that it fails at in attention.
_FUSION = (64, 8)

_EAGER = "Use engine=eager (a study that has runs already keeps its engine: another study)."

_aten = torch.ops.aten


def compiled(
    function: Callable[..., Any], arguments: list[Tensor], axes: list[Axes], about: Any
) -> Executable:
    """Return the function as compiled code, from the cache where it is there.

    Args:
        function: Takes tensors in the order of `arguments` and returns a tuple of tensors; it may
            change arguments in place.
        arguments: Examples of the arguments.
        axes: The symbolic axes of each.
        about: Plain JSON values that, with shapes and versions, decide what the function is.

    Raises:
        EngineError: When there is no compiler, or the code cannot be compiled.
    """
    shapes = [
        [str(t.dtype), [axis.get(d, n) for d, n in enumerate(t.shape)]]
        for t, axis in zip(arguments, axes, strict=True)
    ]
    form: _Form = _Artifact() if arguments[0].device.type == "cuda" else _Library()
    machine = [hardware(form.device), cpu_features(), torch.__version__, torch.get_num_threads()]
    text = json.dumps([about, shapes, machine, source_digest()], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:24]
    folder = cache_folder() / "compiled"
    # Beside our own cache, where it survives and needs no name of the user.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "inductor"))
    file = _kept(folder, key, form)
    if file is None:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):  # of two workers one compiles
            file = _kept(folder, key, form)
            if file is None:
                temporary = folder / f".tmp-{key}-{os.getpid()}{form.suffix}"
                _compile(_trace(function, arguments, axes), form, temporary)
                file = temporary.replace(folder / f"{key}-{_digest(temporary)}{form.suffix}")
    return form.load(file)


def _kept(folder: Path, key: str, form: _Form) -> Path | None:
    """Return the file that is kept under a key; one that is damaged is thrown away."""
    for file in folder.glob(f"{key}-*{form.suffix}"):
        if file.stem == f"{key}-{_digest(file)}":
            return file
        file.unlink(missing_ok=True)
    return None


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]


class _Form(Protocol):
    """What compiled code for a device is kept as."""

    device: str
    suffix: str

    def write(self, graph: GraphModule, fakes: tuple[Any, ...], file: Path) -> None:
        """Compile a graph of arguments like `fakes` into a file."""

    def load(self, file: Path) -> Executable:
        """Return what the file executes."""


class _Library:
    """A shared library for the processor."""

    device, suffix = "cpu", ".so"

    def write(self, graph: GraphModule, fakes: tuple[Any, ...], file: Path) -> None:
        shutil.copyfile(str(torch._inductor.aot_compile(graph, fakes)), file)

    def load(self, file: Path) -> Executable:
        runner = torch._C._aoti.AOTIModelContainerRunnerCpu(str(file), 1)
        return lambda tensors: runner.run(list(tensors))


class _Artifact:
    """Inductor's artifact for a GPU.

    Kernels are not timed against each other: which sums in which order must not depend on chance.
    """

    device, suffix = "cuda", ".artifact"

    def write(self, graph: GraphModule, fakes: tuple[Any, ...], file: Path) -> None:
        options = {"config_patches": {"deterministic": True}}
        compiled = torch._inductor.standalone_compile(graph, list(fakes), aot=True, options=options)
        compiled.save(path=str(file))

    def load(self, file: Path) -> Executable:
        from torch._inductor.standalone_compile import AOTCompiledArtifact

        artifact = AOTCompiledArtifact.load(path=str(file))
        return lambda tensors: artifact(*tensors)


def _compile(graph: GraphModule, form: _Form, file: Path) -> None:
    if not can_compile(form.device):
        needed = COMPILING_TAKES[form.device]
        raise EngineError(f"engine=compiled takes {needed}. {_EAGER}")
    import torch._inductor
    from torch._inductor.exc import CppCompileError

    if isinstance(form, _Library):
        _widen_products(graph)
    _keep_numbers(graph)
    fakes = tuple(n.meta["val"] for n in graph.graph.nodes if n.op == "placeholder")
    for fusion in _FUSION:
        try:
            with warnings.catch_warnings(), torch._inductor.config.patch(max_fusion_size=fusion):
                warnings.simplefilter("ignore")
                form.write(graph, fakes, file)
            break
        except Exception as error:
            cause = getattr(error, "inner_exception", error)
            # What may go well next time (a full disk, a compiler killed) must not decide how the
            # step is written, and so its bits.
            if fusion == _FUSION[-1] or isinstance(cause, OSError | MemoryError | CppCompileError):
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise EngineError(f"The step cannot be compiled ({line}). {_EAGER}") from error


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
