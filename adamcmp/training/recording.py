"""Record the operations of a chain's update, so that they can be repeated for other tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from adamcmp.training.engines.torch_internals import RecordedCall


def where(condition: Tensor, value: Tensor, other: Tensor, *, out: Tensor) -> None:
    """Compute `torch.where`; if the condition is one number, copy the value that it selects.

    `torch.where` takes as long as five products.
    """
    if condition.ndim:
        torch.where(condition, value, other, out=out)
        return
    selected = value if condition else other
    if selected is not out:
        out.copy_(selected)


#: Elementwise functions of torch that can write their result into a given tensor, ``out``.
WITH_OUT: dict[str, Callable[..., Any]] = {
    name: getattr(torch, name)
    for name in (
        *("abs", "add", "addcdiv", "addcmul", "clamp", "div", "eq", "exp", "ge", "gt", "le"),
        *("lerp", "log", "logical_and", "logical_not", "logical_or", "lt", "maximum", "minimum"),
        *("mul", "ne", "neg", "pow", "reciprocal", "rsqrt", "sign", "sqrt", "sub", "tanh"),
    )
} | {"where": where}


class NotRecordable(Exception):
    """The operations of a chain cannot be repeated for other tensors."""


class Operation(NamedTuple):
    """A call of a function; operands and result are positions in a list of values.

    Attributes:
        function: The function.
        operands: The positions of its arguments.
        result: The position of its result.
        writes: Whether it writes into the tensor at that position; otherwise it returns a new one.
    """

    function: Callable[..., Any]
    operands: Sequence[int]
    result: int
    writes: bool


@dataclass
class Recording:
    """The operations of an elementwise update.

    Attributes:
        values: The arguments of the update, followed by constants and results. Those without
            dimensions are called numbers.
        shape: The shape of all other tensors.
        on_numbers: The operations on numbers, which do not depend on other tensors.
        elementwise: All other operations.
    """

    values: list[Any]
    shape: torch.Size
    on_numbers: list[Operation] = field(default_factory=list)
    elementwise: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._positions = {id(value): n for n, value in enumerate(self.values)}
        self._casts: dict[int, int] = {}

    def is_number(self, position: int) -> bool:
        """Return whether a value has no dimensions."""
        value = self.values[position]
        return not (isinstance(value, Tensor) and value.ndim)

    def position(self, result: Tensor) -> int:
        """Return the position of a result of the update.

        Raises:
            NotRecordable: If no operation returned it.
        """
        try:
            return self._positions[id(result)]
        except KeyError:
            raise NotRecordable("a result is a constant") from None

    def add(self, call: RecordedCall) -> None:
        """Add a call of an operation.

        Raises:
            NotRecordable: If it changes a tensor, is not elementwise, or returns no tensor.
        """
        if not call.is_pure or not isinstance(call.result, Tensor):
            raise NotRecordable(f"{call.name} changes a tensor, or reads its value")
        operands = [self._operand(argument) for argument in call.arguments]
        if all(map(self.is_number, operands)):
            operations, function, writes = self.on_numbers, call.function, False
        elif call.result.shape == self.shape and not call.is_view:
            operations, writes = self.elementwise, call.name in WITH_OUT
            function = WITH_OUT.get(call.name, call.function)
            if call.result.dtype == torch.float32:
                operands = [self._cast(position) for position in operands]
        else:
            raise NotRecordable(f"{call.name} is not elementwise")
        if call.keywords:
            function = partial(function, **call.keywords)
        result = self._positions[id(call.result)] = self._append(call.result)
        operations.append(Operation(function, operands, result, writes))

    def _operand(self, argument: Any) -> int:
        """Return the position of an argument of a call."""
        if isinstance(argument, Tensor) and id(argument) in self._positions:
            return self._positions[id(argument)]
        if isinstance(argument, list | tuple) or (isinstance(argument, Tensor) and argument.ndim):
            raise NotRecordable("an argument is a shape, several tensors, or a constant tensor")
        return self._append(argument)

    def _append(self, value: Any) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def _cast(self, position: int) -> int:
        """Return the position of an operand, cast once to float32 if it is a float64 number.

        torch would cast it in each operation with float32 tensors.
        """
        value = self.values[position]
        if not self.is_number(position) or getattr(value, "dtype", None) != torch.float64:
            return position
        if position not in self._casts:
            result = self._casts[position] = self._append(value.float())
            self.on_numbers.append(Operation(Tensor.float, [position], result, False))
        return self._casts[position]
