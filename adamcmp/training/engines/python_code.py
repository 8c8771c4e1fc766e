"""Python code that executes a traced graph one operation after the other, with little overhead.

On small tensors, calling an operation takes as long as computing it. The code calls torch's
functions and methods, which takes half the time of the operators in ``torch.ops``, and computes
constants once.
"""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import BuiltinFunctionType
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from adamcmp.errors import EngineError
from adamcmp.training.engines.aliasing import Memory, changed_arguments, constants
from adamcmp.training.engines.operations import python_name
from adamcmp.training.engines.torch_internals import value_of

_aten = torch.ops.aten


def python_code(functions: Mapping[str, GraphModule], bound: int) -> str:
    """Return the source of a module with a function ``bind`` that takes the bound arguments.

    ``bind`` takes views of them once, and returns a function of the other arguments for each graph.

    Args:
        functions: The graphs by the names of their functions. All have the same arguments.
        bound: Number of leading arguments that are the same tensors in every call.

    Raises:
        EngineError: If a graph has an argument that cannot be written as Python code.
    """
    writers = [_FunctionWriter(name, graph, bound) for name, graph in functions.items()]
    constants = dict.fromkeys(line for writer in writers for line in writer.constants)
    lines = [f"def bind({', '.join(_arguments(range(bound)))}):"]
    lines += [f"    {line}" for writer in writers for line in (*writer.views, *writer.function())]
    lines.append(f"    return ({', '.join(functions)},)")
    return "\n".join(["import operator", "import torch", *constants, *lines, ""])


def load_code(source: str) -> Callable[..., tuple[Callable[..., Sequence[Tensor]], ...]]:
    """Return the function ``bind`` of a source that `python_code` returned."""
    namespace: dict[str, Any] = {}
    exec(compile(source, "<traced step>", "exec"), namespace)
    bind: Callable[..., tuple[Callable[..., Sequence[Tensor]], ...]] = namespace["bind"]
    return bind


def _arguments(numbers: Iterable[int]) -> list[str]:
    return [f"a{number}" for number in numbers]


class _FunctionWriter:
    """Writes the code of one graph.

    Attributes:
        constants: Lines that compute constants, once for all functions.
        views: Lines that take views of bound arguments.
    """

    def __init__(self, name: str, graph: GraphModule, bound: int) -> None:
        self._name, self._bound = name, bound
        nodes = list(graph.graph.nodes)
        self._memory = Memory(graph.graph)
        placeholders = [node for node in nodes if node.op == "placeholder"]
        self._arguments = _arguments(range(len(placeholders)))
        self._names: dict[Node, str] = dict(zip(placeholders, self._arguments, strict=True))
        self._last_users = {used: node for node in nodes for used in node.all_input_nodes}
        self._constant = constants(graph.graph)
        #: Nodes that are computed by ``bind`` or before.
        self._fixed = set(placeholders[:bound])
        self.constants: list[str] = []
        self.views: list[str] = []
        self._lines: list[str] = []
        for node in nodes:
            if node.op in ("call_function", "get_attr"):
                self._write(graph, node)
        self._lines.append(f"return {self._literal(nodes[-1].args[0])}")

    def function(self) -> list[str]:
        """Return the lines of the function."""
        signature = f"def {self._name}({', '.join(self._arguments[self._bound :])}):"
        return [signature, *(f"    {line}" for line in self._lines)]

    def _write(self, graph: GraphModule, node: Node) -> None:
        if node.op == "get_attr":
            expression = self._tensor(getattr(graph, str(node.target)))
        else:
            expression = self._call(node)
        if node in self._constant and not node.all_input_nodes:
            # Named by its value, since all functions share the constants.
            self._names[node] = f"c{hashlib.sha256(expression.encode()).hexdigest()[:8]}"
            self.constants.append(f"{self._names[node]} = {expression}")
            self._fixed.add(node)
            return
        self._names[node] = f"{self._name[0]}{len(self._names)}"
        line = f"{self._names[node]} = {expression}"
        if self._is_fixed(node):
            self.views.append(line)
            self._fixed.add(node)
        else:
            # Memory that is freed at once is used again while it is in the caches.
            self._lines.append("; ".join([line, *self._freed(node)]))

    def _is_fixed(self, node: Node) -> bool:
        """Return whether a call is a constant, or a view of a bound argument."""
        is_view = self._memory.is_view(node) and not changed_arguments(node)
        known = self._fixed.issuperset(node.all_input_nodes)
        return known and (node in self._constant or is_view)

    def _freed(self, node: Node) -> list[str]:
        unused = [node] if node not in self._last_users else []
        unused += [used for used in node.all_input_nodes if self._last_users[used] is node]
        return [f"{self._names[n]} = None" for n in unused if n not in self._fixed]

    def _call(self, node: Node) -> str:
        """Return the expression of a call."""
        if node.target is _aten.sym_size.int:
            tensor, dimension = (self._literal(argument) for argument in node.args)
            return f"{tensor}.shape[{dimension}]"
        if node.target is operator.getitem:
            tensors, number = (self._literal(argument) for argument in node.args)
            return f"{tensors}[{number}]"
        if _converts_dtype(node):
            return f"{self._literal(node.args[0])}.to({self._literal(node.kwargs['dtype'])})"
        arguments = [self._literal(argument) for argument in node.args]
        arguments += [f"{name}={self._literal(value)}" for name, value in node.kwargs.items()]
        if isinstance(node.target, BuiltinFunctionType):  # arithmetic of sizes
            return f"operator.{node.target.__name__}({', '.join(arguments)})"
        if not hasattr(node.target, "_schema"):
            raise EngineError(f"The traced step calls {node.target}, which is no torch operation.")
        name: str = python_name(node.target) or f"torch.ops.{node.target}"
        if name.startswith("."):
            return f"{arguments[0]}{name}({', '.join(arguments[1:])})"
        return f"{name}({', '.join(arguments)})"

    def _tensor(self, tensor: Tensor) -> str:
        """Return a constant tensor of the traced function as Python code."""
        values, dtype, device = tensor.tolist(), tensor.dtype, self._literal(tensor.device)
        return f"torch.tensor({self._literal(values)}, dtype={dtype}, device={device})"

    def _literal(self, argument: Any) -> str:
        """Return an argument of a call as Python code."""
        if isinstance(argument, Node):
            return self._names[argument]
        if isinstance(argument, list | tuple):
            entries = "".join(f"{self._literal(entry)}, " for entry in argument)
            return f"[{entries}]" if isinstance(argument, list) else f"({entries})"
        if isinstance(argument, torch.device):
            return f"torch.device({str(argument)!r})"
        if isinstance(argument, float) and not math.isfinite(argument):
            return f"float({str(argument)!r})"
        literal = bool | int | float | str | torch.dtype | torch.layout | torch.memory_format | None
        if isinstance(argument, literal):
            return repr(argument)
        raise EngineError(f"The traced step has an argument of type {type(argument).__name__}.")


def _converts_dtype(node: Node) -> bool:
    """Return whether a call only changes the dtype, for which a method has less overhead."""
    is_conversion = node.target is _aten._to_copy.default and list(node.kwargs) == ["dtype"]
    sources = node.all_input_nodes if is_conversion else []
    return any(value_of(source).dtype != value_of(node).dtype for source in sources)
