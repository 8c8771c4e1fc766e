"""Adapter to the private and experimental APIs of torch.

`operations`, `inductor_internals` and `inductor_kernels` adapt further ones. Other modules read
only the schemas of operations (``_schema``).

Each docstring names the wrapped API. ``tests/training/engines/test_torch_internals.py`` calls every
function and lists the versions of torch that passed.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

__all__ = [
    "RecordedCall",
    "compiler_error_type",
    "limited_fusion",
    "load_artifact",
    "load_library",
    "no_stack_traces",
    "placeholders",
    "recorded_calls",
    "trace_symbolic",
    "tree_flatten",
    "tree_map",
    "tree_unflatten",
    "value_of",
    "write_artifact",
]

#: Takes and returns flat lists of tensors; may change its arguments in place.
Executable = Callable[[Sequence[Tensor]], Sequence[Tensor]]


class RecordedCall(NamedTuple):
    """A call of an aten operation.

    Attributes:
        name: The name of the operation.
        function: The operation.
        arguments: Its positional arguments.
        keywords: Its keyword arguments.
        result: What it returned.
        is_pure: Whether it changes no argument.
        is_view: Whether its result shares memory with an argument.
    """

    name: str
    function: Callable[..., Any]
    arguments: Sequence[Any]
    keywords: Mapping[str, Any]
    result: Any
    is_pure: bool
    is_view: bool


def recorded_calls(function: Callable[[], Any]) -> tuple[Any, list[RecordedCall]]:
    """Return what a function returns, and the operations that it calls.

    Wraps ``TorchDispatchMode`` and ``OpOverload._schema``.
    """
    with _Record() as record:
        return function(), record.calls


class _Record(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[RecordedCall] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        keywords = kwargs or {}
        result = func(*args, **keywords)
        name, schema = func.overloadpacket.__name__, func._schema
        is_view = any(value.alias_info is not None for value in schema.returns)
        is_pure = not schema.is_mutable
        self.calls.append(RecordedCall(name, func, args, keywords, result, is_pure, is_view))
        return result


def trace_symbolic(
    function: Callable[..., Any],
    shapes: Sequence[Sequence[int]],
    symbolic: Sequence[Mapping[int, Any]],
    like: Sequence[Tensor],
) -> tuple[GraphModule, str]:
    """Trace a function of tensors to a graph of aten operations with symbolic sizes.

    Wraps ``FakeTensorMode``, ``ShapeEnv`` and ``make_fx``.

    Args:
        function: Takes tensors and returns a tuple of tensors.
        shapes: The shape of each argument while tracing. Symbolic dimensions of the same size are
            taken to be equal.
        symbolic: The symbolic dimensions of each argument.
        like: Tensors with the dtype and device of each argument.

    Returns:
        The graph, and a description of the symbolic sizes that an operation has fixed to numbers;
        empty if there are none.
    """
    # These imports take half a second, which loading compiled code does not need.
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
    fakes = []
    for number, (shape, dimensions, tensor) in enumerate(zip(shapes, symbolic, like, strict=True)):
        dynamic = [
            DimDynamic.DUCK if d in dimensions else DimDynamic.STATIC for d in range(len(shape))
        ]
        fake = mode.from_tensor(
            torch.empty(shape, dtype=tensor.dtype, device=tensor.device),
            symbolic_context=StatelessSymbolicContext(dynamic_sizes=dynamic),
            source=ConstantSource(f"argument{number}"),
        )
        fakes.append(fake)
    with no_stack_traces():
        graph = make_fx(function, tracing_mode="symbolic")(*fakes)
    return graph, str(sizes.replacements) if sizes.replacements else ""


def value_of(node: Node) -> Any:
    """Return the fake tensor, or symbolic size, that tracing recorded for a node, or None.

    Reads ``node.meta["val"]``, the convention of ``make_fx`` and inductor.
    """
    return node.meta.get("val")


def load_library(file: Path) -> Executable:
    """Load a library with AOTInductor's model runner, without inductor."""
    runner = torch._C._aoti.AOTIModelContainerRunnerCpu(str(file), 1)
    return lambda tensors: runner.run(list(tensors))


def write_artifact(graph: GraphModule, file: Path) -> None:
    """Compile a graph to an inductor artifact with ``torch._inductor.standalone_compile``.

    Its Triton kernels need no CUDA toolkit. With ``deterministic``, inductor does not choose
    kernels by timing them, which would make the order of summation differ between compilations.
    """
    import torch._inductor

    options = {"config_patches": {"deterministic": True}}
    fakes = list(placeholders(graph))
    artifact = torch._inductor.standalone_compile(graph, fakes, aot=True, options=options)
    artifact.save(path=str(file))


def load_artifact(file: Path) -> Executable:
    """Load an artifact of `write_artifact`."""
    from torch._inductor.standalone_compile import AOTCompiledArtifact

    artifact = AOTCompiledArtifact.load(path=str(file))
    return lambda tensors: artifact(*tensors)


@contextlib.contextmanager
def limited_fusion(operations: int) -> Iterator[None]:
    """Limit how many operations inductor fuses into one loop; suppress its warnings.

    Below inductor's default, loops of different depths are not fused either, since this fails for
    some models: replaces ``CppScheduling.can_fuse_vertical_outer_loop``.
    """
    import torch._inductor
    from torch._inductor.codegen.cpp import CppScheduling

    is_default = operations >= torch._inductor.config.max_fusion_size
    can_fuse: Any = CppScheduling.can_fuse_vertical_outer_loop if is_default else lambda *_: False
    with (
        warnings.catch_warnings(),
        torch._inductor.config.patch(max_fusion_size=operations),
        mock.patch.object(CppScheduling, "can_fuse_vertical_outer_loop", can_fuse),
    ):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def no_stack_traces() -> Iterator[None]:
    """Do not record where each node was created, which takes a fifth of the time of tracing.

    Sets ``torch.fx.config.do_not_emit_stack_traces``.
    """
    with mock.patch.object(torch.fx.config, "do_not_emit_stack_traces", True):
        yield


def compiler_error_type() -> type[Exception]:
    """Return inductor's exception for a failure of the C++ compiler."""
    from torch._inductor.exc import CppCompileError

    return CppCompileError


def placeholders(graph: GraphModule) -> tuple[Any, ...]:
    """Return the fake tensors of a graph's arguments."""
    return tuple(value_of(node) for node in graph.graph.nodes if node.op == "placeholder")
