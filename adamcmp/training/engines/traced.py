"""The traced engine: a step is traced once, and its operations are executed one after the other.

The step is traced to a graph of tensor operations, as for the compiled engine. The graph is
simplified and written as Python code, which runs neither the model's code nor autograd. Tracing
takes a second or two, so the code is stored in the cache. The code of fused lanes serves every
width. The last bits of its results differ from those of the other engines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.fx import Graph, GraphModule

from adamcmp.platform.cache import cache_folder
from adamcmp.training.engines.code_cache import cached_file, code_key
from adamcmp.training.engines.memory_reuse import reuse_memory
from adamcmp.training.engines.python_code import load_code, python_code
from adamcmp.training.engines.simplification import simplify
from adamcmp.training.engines.tracing import Axes, no_garbage_collection, trace


class BoundFunction(NamedTuple):
    """A function of the lanes' state whose state and constants are bound.

    Attributes:
        execute: Takes the inputs, changes the state in place and returns the outputs.
        update: The same without the outputs, which takes less time.
    """

    execute: Callable[..., Sequence[Tensor]]
    update: Callable[..., Any]


def traced(
    function: Callable[..., Any],
    arguments: list[Tensor],
    axes: list[Axes],
    identity: Any,
    bound: int,
) -> Callable[..., BoundFunction]:
    """Return a function that binds the first arguments of a traced function.

    Args:
        function: Takes tensors in the order of `arguments` and returns a tuple of tensors; it may
            change arguments in place.
        arguments: Examples of the arguments.
        axes: The symbolic dimensions of each argument.
        identity: JSON values that determine the function, together with shapes and versions.
        bound: Number of leading arguments to bind.

    Raises:
        EngineError: If the function cannot be traced.
    """
    key = code_key(arguments, axes, [*identity, bound], "traced")

    def write(file: Path) -> None:
        with no_garbage_collection():
            file.write_text(_code(function, arguments, axes, bound), encoding="utf-8")

    file = cached_file(cache_folder() / "traced", key, ".py", write)
    bind = load_code(file.read_text(encoding="utf-8"))

    @torch.inference_mode()
    def bind_tensors(*tensors: Tensor) -> BoundFunction:
        return BoundFunction(*(torch.inference_mode()(code) for code in bind(*tensors)))

    return bind_tensors


def _code(
    function: Callable[..., Any], arguments: list[Tensor], axes: list[Axes], bound: int
) -> str:
    """Return the source of the functions `BoundFunction.execute` and `BoundFunction.update`."""
    graph = trace(function, arguments, axes)
    simplify(graph)
    update = _without_outputs(graph)
    for written in (graph, update):
        reuse_memory(written)
    return python_code({"execute": graph, "update": update}, bound)


def _without_outputs(graph: GraphModule) -> GraphModule:
    """Return a copy of a graph that only changes its arguments."""
    copy = Graph()
    copy.graph_copy(graph.graph, {})
    copy.output(())
    copy.eliminate_dead_code()
    return GraphModule(graph, copy)
