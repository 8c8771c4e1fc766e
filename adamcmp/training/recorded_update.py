"""The update of a chain that is recorded once and repeated for the pieces of large parameters.

A chain of gradient transformations computes the numbers of a step, such as bias corrections, for
each tensor that it updates, and allocates each intermediate result. A recorded update computes the
numbers once for all pieces, and writes intermediate results into tensors that it reuses and new
state into the old. The operations are those of the chain, so the results have the same bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from adamcmp.training.engines.torch_internals import RecordedCall, recorded_calls
from adamcmp.training.recording import NotRecordable, Operation, Recording

#: The position of the first tensor of the state in the list of values.
_STATE = 2


class RecordedUpdate:
    """The update of the pieces of parameters that have taken the same number of steps.

    Args:
        update: Returns the update of a piece's value and its new state.
        grad: The gradient of the largest piece.
        value: The value of that piece.
        state: The tensors of its state. Those without dimensions are numbers.
        numbers: Tensors without dimensions that all pieces share.

    Raises:
        NotRecordable: If the operations cannot be repeated for other tensors, because the update of
            an element depends on other elements, an operation changes a tensor, or Python reads
            one.
    """

    def __init__(
        self,
        update: Callable[[], tuple[Tensor, Sequence[Tensor]]],
        grad: Tensor,
        value: Tensor,
        state: Sequence[Tensor],
        numbers: Sequence[Tensor],
    ) -> None:
        (result, new_state), calls = recorded_calls(update)
        recording = Recording([grad, value, *state, *numbers], value.shape)
        for call in _needed(calls, [result, *new_state]):
            recording.add(call)
        new, is_number = _new_positions(recording, state, new_state), recording.is_number
        new_tensors = {old: n for old, n in new.items() if not is_number(old)}
        assigned = _BufferAssignment(recording, result, new_tensors)
        self._values, self._on_numbers = assigned.values, recording.on_numbers
        self._elementwise, self._copies = assigned.operations, assigned.copies
        self._buffers, self._size = assigned.buffers, value.numel()
        self._update = assigned.update
        self._new_numbers = {old - _STATE: n for old, n in new.items() if is_number(old)}
        self._tensors = [n for n, tensor in enumerate(state) if tensor.ndim]

    def set_numbers(self, state: Sequence[Tensor], numbers: Sequence[Tensor]) -> None:
        """Compute the numbers of a step, from the state of any piece and the shared numbers."""
        self._values[_STATE : _STATE + len(state) + len(numbers)] = [*state, *numbers]
        _run(self._on_numbers, self._values)

    def apply(self, grad: Tensor, value: Tensor, state: Sequence[Tensor]) -> None:
        """Update the value and the state of a piece, except for numbers."""
        values = self._values
        values[0], values[1] = grad, value
        for n in self._tensors:
            values[_STATE + n] = state[n]
        self._resize(value.numel())
        _run(self._elementwise, values)
        for old, new in self._copies:
            values[old].copy_(values[new])
        value.add_(values[self._update])
        values[0] = None  # The memory of gradients may be freed between steps.

    def update_numbers(self, state: Sequence[Tensor]) -> None:
        """Update the numbers of the state, after all pieces."""
        for n, new in self._new_numbers.items():
            state[n].copy_(self._values[new])

    def _resize(self, size: int) -> None:
        if size != self._size:
            self._size = size
            for position, buffer in self._buffers.items():
                self._values[position] = buffer[:size]


def _run(operations: Sequence[Operation], values: list[Any]) -> None:
    for function, operands, result, writes in operations:
        arguments = [values[position] for position in operands]
        if writes:
            function(*arguments, out=values[result])
        else:
            values[result] = function(*arguments)


def _needed(calls: Sequence[RecordedCall], results: Sequence[Tensor]) -> list[RecordedCall]:
    """Return the calls that results depend on, and those that change or read tensors."""
    needed, used = [], set(map(id, results))
    for call in reversed(calls):
        is_effect = not call.is_pure or not isinstance(call.result, Tensor)
        if is_effect or id(call.result) in used:
            used.update(map(id, call.arguments))
            needed.append(call)
    return needed[::-1]


def _new_positions(
    recording: Recording, state: Sequence[Tensor], new_state: Sequence[Tensor]
) -> dict[int, int]:
    """Return the positions of new tensors of the state by those of the old ones, if they differ."""
    new = {}
    for n, (old_tensor, new_tensor) in enumerate(zip(state, new_state, strict=True)):
        position = recording.position(new_tensor)
        if new_tensor.shape != old_tensor.shape or new_tensor.dtype != old_tensor.dtype:
            raise NotRecordable("the state changes its shape or type")
        if new_tensor is not old_tensor:
            if _STATE <= position < _STATE + len(state):
                raise NotRecordable("a tensor of the state replaces another one")
            new[_STATE + n] = position
    return new


class _BufferAssignment:
    """Assigns the tensors that elementwise operations write their results into.

    Args:
        recording: The operations.
        update: The update of the value.
        new_state: The positions of new tensors of the state by those of the old ones.

    Attributes:
        operations: The operations with the assigned positions of operands and results.
        values: The values, without those of intermediate results that are in other tensors.
        buffers: The tensors for intermediate results, by position.
        copies: Pairs of an old tensor of the state and a result that is copied into it afterwards.
        update: The position of the update.
    """

    def __init__(self, recording: Recording, update: Tensor, new_state: dict[int, int]) -> None:
        recorded, results = recording.elementwise, [recording.position(update), *new_state.values()]
        self.values = recording.values
        self.operations: list[Operation] = []
        self.buffers: dict[int, Tensor] = {}
        self._places: dict[int, int] = {}
        self._free: dict[torch.dtype, list[int]] = defaultdict(list)
        self._targets = {new: old for old, new in new_state.items()}
        self._last_use = {o: n for n, operation in enumerate(recorded) for o in operation.operands}
        self._last_use |= dict.fromkeys(results, len(recorded))
        for n, operation in enumerate(recorded):
            self._assign(n, operation)
        self.update = self._place(results[0])
        places = [(old, self._place(new)) for old, new in new_state.items()]
        self.copies = [(old, place) for old, place in places if place != old]

    def _assign(self, number: int, operation: Operation) -> None:
        """Assign the result of an operation."""
        operands = [self._place(position) for position in operation.operands]
        for position, place in set(zip(operation.operands, operands, strict=True)):
            if self._last_use[position] == number and place in self.buffers:
                self._free[self.buffers[place].dtype].append(place)
        result = operation.result
        tensor, self.values[result] = self.values[result], None
        if operation.writes:
            old, free = self._targets.get(result), self._free[tensor.dtype]
            if old is not None and self._last_use.get(old, -1) <= number:
                self._places[result] = old
            elif free:
                self._places[result] = free.pop()
            else:
                self.values[result] = self.buffers[result] = tensor
        self.operations.append(operation._replace(operands=operands, result=self._place(result)))

    def _place(self, position: int) -> int:
        return self._places.get(position, position)
