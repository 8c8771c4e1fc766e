"""Parameters that pass through a rule's chain of gradient transformations together.

The update of many small tensors takes as long as the calls of its operations, and that of large
ones as long as moving intermediate results through memory. If a rule allows it, small parameters
are therefore concatenated, and on a CPU large ones are updated in pieces that fit into its cache,
by the recorded operations of the chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from adamcmp.components.transformations import GradientTransformation
from adamcmp.errors import ConfigError
from adamcmp.training.engines.torch_internals import tree_flatten
from adamcmp.training.recorded_update import RecordedUpdate
from adamcmp.training.recording import NotRecordable
from adamcmp.training.step.batching import Tree, copy_into

#: Number of elements of a piece. Smaller parameters are concatenated up to this number.
PIECE = 1 << 17
#: The name of a parameter in its own state.
PARAM = "param"

#: A parameter's state: ``step``, counted from 1, and the state of the ``transformations``.
ParamState = dict[str, Any]


def create_blocks(
    params: Sequence[Tensor], states: Sequence[ParamState], concatenates: bool
) -> Iterator[Block]:
    """Yield the blocks of some parameters.

    Args:
        params: The parameters.
        states: Their states, which are changed to refer to the tensors of the blocks.
        concatenates: Whether the rule may treat concatenated parameters as one.
    """
    members: dict[Any, list[int]] = defaultdict(list)
    for number, (param, state) in enumerate(zip(params, states, strict=True)):
        form = _form(param) if concatenates else Block
        members[form, param.dtype, param.device, int(state["step"])].append(number)
    for (form, *_), numbers in members.items():
        batches = _batches(numbers, params) if form is Concatenated else [numbers]
        for batch in batches:
            yield form([params[n] for n in batch], [states[n] for n in batch])


def _form(param: Tensor) -> type[Block]:
    """Return the form in which a rule gets a parameter that may be concatenated."""
    if param.numel() <= PIECE:
        return Concatenated
    return Pieces if param.device.type == "cpu" and param.is_contiguous() else Block


def _batches(numbers: Sequence[int], params: Sequence[Tensor]) -> Iterator[list[int]]:
    """Yield the numbers of parameters in batches of at most `PIECE` elements."""
    batch: list[int] = []
    size = 0
    for number in numbers:
        size += params[number].numel()
        if size > PIECE:
            yield batch
            batch, size = [], params[number].numel()
        batch.append(number)
    yield batch


class Block:
    """Parameters of one dtype and device that have taken the same number of steps.

    The block owns the tensors of the parameters' states, which it updates in place.

    Args:
        params: The parameters.
        states: Their states, which are changed to refer to the tensors of the block.
    """

    def __init__(self, params: Sequence[Tensor], states: Sequence[ParamState]) -> None:
        self._params = params
        self._values = [param.detach() for param in params]
        self._step: Tensor = states[0]["step"].clone()
        self._state = _merged([state["transformations"] for state in states], self._join)
        for number, state in enumerate(states):
            state["step"] = self._step
            state["transformations"] = self._part(partial(self._parameter, number))

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return self._params[0].device

    def update(self, chain: GradientTransformation, hypers: Tree) -> None:
        """Update the parameters from their gradients."""
        self._step += 1
        grads, values = self._join(list(map(_gradient, self._params))), self._join(self._values)
        updates, new_state = chain.update(grads, self._state, values, hypers, self._step)
        copy_into(self._state, new_state)
        for number, value in enumerate(self._values):
            value.add_(self._parameter(number, updates))

    def _join(self, tensors: Sequence[Tensor | None]) -> Tree:
        """Return tensors of the parameters, if they exist, in the form that the chain gets."""
        return {str(n): tensor for n, tensor in enumerate(tensors) if tensor is not None}

    def _parameter(self, number: int, tree: Tree) -> Tensor:
        """Return one parameter's part of a tree in the form of the chain, as a view."""
        return tree[str(number)]

    def _part(self, select: Callable[[Tree], Tensor]) -> Any:
        """Return the part of the block's state that belongs to one parameter or piece.

        Args:
            select: Selects the part of a tree in the form of the chain.
        """
        names = self._join(self._values).keys()

        def part(tree: Any) -> Any:
            if isinstance(tree, Tensor):
                return tree
            if isinstance(tree, tuple):
                return tuple(map(part, tree))
            if not tree.keys() <= names:
                return {key: part(branch) for key, branch in tree.items()}
            try:
                return {PARAM: select(tree)}
            except KeyError:  # not every parameter has such a state
                return {}

        return part(self._state)


class Concatenated(Block):
    """Parameters that are concatenated."""

    def __init__(self, params: Sequence[Tensor], states: Sequence[ParamState]) -> None:
        self._sizes = [param.numel() for param in params]
        super().__init__(params, states)
        self._flat = [value.reshape(-1) for value in self._values]

    def update(self, chain: GradientTransformation, hypers: Tree) -> None:
        """See `Block.update`."""
        self._step += 1
        grads, values = self._join(list(map(_gradient, self._params))), self._join(self._flat)
        updates, new_state = chain.update(grads, self._state, values, hypers, self._step)
        copy_into(self._state, new_state)
        for value, update in zip(self._flat, self._split(updates), strict=True):
            value.add_(update)

    def _join(self, tensors: Sequence[Tensor | None]) -> Tree:
        existing = [tensor for tensor in tensors if tensor is not None]
        if not existing:
            return {}
        if any(t.ndim == 0 < v.ndim for t, v in zip(existing, self._values, strict=True)):
            # Numbers of each parameter, which are equal.
            return {PARAM: existing[0]}
        return {PARAM: torch.cat([tensor.reshape(-1) for tensor in existing])}

    def _split(self, tree: Tree) -> Sequence[Tensor]:
        return torch.split(tree[PARAM], self._sizes)

    def _parameter(self, number: int, tree: Tree) -> Tensor:
        if tree[PARAM].ndim == 0:
            return tree[PARAM]
        return self._split(tree)[number].view(self._params[number].shape)


class Pieces(Block):
    """Large parameters, which are updated piece by piece.

    If the update of a chain cannot be recorded, whole parameters are updated.
    """

    def __init__(self, params: Sequence[Tensor], states: Sequence[ParamState]) -> None:
        super().__init__(params, states)
        self._pieces = [self._pieces_of(number) for number in range(len(params))]
        self._recorded: dict[GradientTransformation, RecordedUpdate | None] = {}

    def update(self, chain: GradientTransformation, hypers: Tree) -> None:
        """See `Block.update`."""
        if chain not in self._recorded:
            self._recorded[chain] = self._record(chain, hypers)
        recorded = self._recorded[chain]
        if recorded is None:
            super().update(chain, hypers)
            return
        self._step += 1
        _, state = self._pieces[0][0]
        recorded.set_numbers(state, [*hypers.values(), self._step])
        for param, pieces in zip(self._params, self._pieces, strict=True):
            for grad, (value, tensors) in zip(_pieces(_gradient(param)), pieces, strict=True):
                recorded.apply(grad, value, tensors)
        recorded.update_numbers(state)

    def _record(self, chain: GradientTransformation, hypers: Tree) -> RecordedUpdate | None:
        """Return the recorded update of a chain; None if it cannot be recorded."""
        grad, value = _pieces(_gradient(self._params[0]))[0], self._pieces[0][0][0]
        tree = self._part(partial(self._piece, 0, 0))
        state, numbers = tree_flatten(tree)[0], [*hypers.values(), self._step]

        def update() -> tuple[Tensor, list[Tensor]]:
            params = {PARAM: value}
            updates, new_state = chain.update({PARAM: grad}, tree, params, hypers, self._step)
            return updates[PARAM], tree_flatten(new_state)[0]

        try:
            return RecordedUpdate(update, grad, value, state, numbers)
        except NotRecordable:
            return None

    def _join(self, tensors: Sequence[Tensor | None]) -> Tree:
        if tensors[0] is not None and not tensors[0].ndim:
            # Numbers of each parameter, which are equal.
            return super()._join([tensors[0]] * len(tensors))
        return super()._join(tensors)

    def _pieces_of(self, number: int) -> list[tuple[Tensor, list[Tensor]]]:
        """Return the values and the tensors of the state of a parameter's pieces."""
        return [
            (value, tree_flatten(self._part(partial(self._piece, number, position)))[0])
            for position, value in enumerate(_pieces(self._values[number]))
        ]

    def _piece(self, number: int, position: int, tree: Tree) -> Tensor:
        tensor = self._parameter(number, tree)
        return _pieces(tensor)[position] if tensor.ndim else tensor


def _pieces(tensor: Tensor) -> Sequence[Tensor]:
    return torch.split(tensor.reshape(-1), PIECE)


def _gradient(param: Tensor) -> Tensor:
    """Return the gradient of a parameter that has one.

    Raises:
        ConfigError: If it is sparse.
    """
    assert param.grad is not None
    if param.grad.is_sparse:
        raise ConfigError(
            "The gradient of a parameter is sparse. Leave out sparse=True, or give the parameter "
            "to an optimizer that takes such gradients, such as torch.optim.SparseAdam."
        )
    return param.grad


def _merged(trees: Sequence[Any], join: Callable[[Sequence[Tensor | None]], Tree]) -> Any:
    """Return the state of several parameters as copies, from the state of each.

    Tensors that belong to no single parameter, such as a product over steps, are equal.
    """
    first = trees[0]
    if isinstance(first, Tensor):
        return first.clone()
    if isinstance(first, tuple):
        return tuple(_merged(branches, join) for branches in zip(*trees, strict=True))
    if any(PARAM in tree for tree in trees) or not first:
        return join([tree[PARAM].clone() if tree else None for tree in trees])
    return {key: _merged([tree[key] for tree in trees], join) for key in first}
