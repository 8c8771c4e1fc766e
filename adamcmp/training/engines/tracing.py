"""Trace a step to one flat graph of aten operations with a symbolic number of lanes."""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor
from torch.fx import GraphModule

from adamcmp.errors import EngineError
from adamcmp.training.engines.redundancy import remove_redundant
from adamcmp.training.engines.torch_internals import trace_symbolic

#: What to do if an engine cannot execute a step.
USE_EAGER = "Use engine=eager in a new study; a study with runs keeps its engine."

#: The symbolic dimensions of an argument, with the name of each size.
Axes = Mapping[int, str]

#: Sizes of the symbolic dimensions while tracing. They need only differ from each other and from
#: all other sizes.
_TRACED_SIZES = {"M": 23, "N": 10007}


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collect no garbage, which takes a sixth of the time of tracing and compiling.

    Both create millions of objects, of which few are garbage.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def trace(function: Callable[..., Any], arguments: list[Tensor], axes: list[Axes]) -> GraphModule:
    """Trace a function to one graph of aten operations with symbolic dimensions.

    Args:
        function: Takes tensors and returns a tuple of tensors; it may change arguments in place.
        arguments: Examples of the arguments.
        axes: The symbolic dimensions of each argument.

    Raises:
        EngineError: If the function cannot be traced, or an operation fixes the size of a symbolic
            dimension.
    """
    shapes = [
        [_TRACED_SIZES[names[d]] if d in names else size for d, size in enumerate(tensor.shape)]
        for tensor, names in zip(arguments, axes, strict=True)
    ]
    try:
        graph, fixed = trace_symbolic(function, shapes, axes, arguments)
    except Exception as error:  # whatever the operations of a model or a rule raise
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EngineError(f"The step cannot be traced: {line}. {USE_EAGER}") from error
    if fixed:
        reason = f"An operation of the model fixes the number of lanes ({fixed})"
        raise EngineError(f"{reason}. {USE_EAGER}")
    remove_redundant(graph)
    return graph


def graph_digest(graph: GraphModule) -> str:
    """Return a digest of the operations of a graph and of its constant tensors."""
    constants = [
        (str(node.target), getattr(graph, str(node.target)).tolist())
        for node in graph.graph.nodes
        if node.op == "get_attr"
    ]
    return hashlib.sha256(f"{graph.code}{constants}".encode()).hexdigest()
