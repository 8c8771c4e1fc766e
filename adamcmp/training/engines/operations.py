"""Properties of the operations of a traced graph, read from torch's schemas and tags.

Like `torch_internals`, this module uses private APIs of torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from adamcmp.training.engines.torch_internals import value_of


def layout(node: Node) -> tuple[object, ...]:
    """Return the dtype, device, shape and strides of a node's tensor, with sizes as expressions.

    A node whose value is not a tensor has a layout that no other node has.
    """
    value = value_of(node)
    if not isinstance(value, Tensor):
        return (node,)
    return value.dtype, value.device, str(tuple(value.shape)), str(value.stride())


def elements(node: Node) -> str:
    """Return the number of elements of a node's tensor as an expression of the symbolic sizes."""
    return str(value_of(node).numel())


@dataclass(frozen=True)
class ElementwiseForms:
    """The forms of an elementwise operation that write their result to existing memory.

    Attributes:
        in_place: The overload that overwrites the first argument; None if there is none.
        out: The overload that writes to another tensor of the result's shape.
        out_name: The name of its argument for that tensor.
    """

    in_place: Any = None
    out: Any = None
    out_name: str = ""


def elementwise_forms(target: Any) -> ElementwiseForms:
    """Return the forms of an elementwise operation that write to existing memory.

    Other operations have none. Reads the tags and schemas of ``torch._ops.OpOverload``. Overloads
    tagged ``generated`` compute in new memory and copy the result, so they are not used.
    """
    if torch.Tag.pointwise not in getattr(target, "tags", ()):
        return ElementwiseForms()
    name = target._schema.name.removeprefix("aten::")
    inputs = [argument.name for argument in target._schema.arguments]
    in_place = out = None
    out_name = ""
    in_place_packet = getattr(torch.ops.aten, f"{name}_", None)
    if in_place_packet is not None and target._overloadname in in_place_packet.overloads():
        in_place = getattr(in_place_packet, target._overloadname)
    for overload in target.overloadpacket.overloads():
        candidate = getattr(target.overloadpacket, overload)
        *others, last = [argument.name for argument in candidate._schema.arguments]
        mutable = candidate._schema.is_mutable and torch.Tag.generated not in candidate.tags
        if mutable and others == inputs and _same_types(candidate, target):
            out, out_name = candidate, last
    if in_place is not None and torch.Tag.generated in in_place.tags:
        in_place = None
    return ElementwiseForms(in_place, out, out_name)


def _same_types(candidate: Any, target: Any) -> bool:
    types = [[str(a.type) for a in overload._schema.arguments] for overload in (candidate, target)]
    return types[0][:-1] == types[1]


def python_name(target: Any) -> str | None:
    """Return the name of the function or method of torch that calls an operation.

    Both parse their arguments by the same schemas as ``torch.ops``, but faster. Reads
    ``torch._C.TensorBase`` and ``torch._C._VariableFunctions``. Functions that torch replaces by
    Python code are excluded.

    Returns:
        ``.NAME`` for a method of a tensor, ``torch.NAME`` for a function; None if there is neither.
    """
    schema = target._schema
    name = schema.name.removeprefix("aten::")
    first = [(argument.name, str(argument.type)) for argument in schema.arguments[:1]]
    takes_self = first == [("self", "Tensor")]  # the first argument of others may be a number
    writes_out = any(a.kwarg_only and a.alias_info is not None for a in schema.arguments)
    method = getattr(torch._C.TensorBase, name, None)
    is_original = method is not None and getattr(torch.Tensor, name) is method
    if takes_self and not writes_out and is_original:
        return f".{name}"
    functions = torch._C._VariableFunctions
    function = getattr(functions, name, None)
    if function is not None and getattr(torch, name, None) == function:
        return f"torch.{name}"
    return None
