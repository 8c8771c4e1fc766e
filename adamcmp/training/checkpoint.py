"""A group's checkpoint on disk: tensors and JSON in one file, no pickle.

Random numbers need no state: every stream is read at the step where it is needed (see
`adamcmp.platform.random_streams`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adamcmp.errors import StoreError
from adamcmp.storage import archive


@dataclass(frozen=True)
class Checkpoint:
    """A group's state between two steps.

    Attributes:
        about: Plain JSON values: where the group is, and the rows of its runs so far.
        state: A tree (dicts, lists, tuples) of tensors and plain values.
    """

    about: dict[str, Any]
    state: Any


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, as one atomic step.

    Raises:
        StoreError: When the disk is full or the folder cannot be written.
        TypeError: When the state holds what is neither a tensor nor plain.
    """
    tensors: list[Tensor] = []
    plain = _without_tensors(checkpoint.state, tensors)
    arrays = {f"tensor{i}": tensor.detach().cpu().numpy() for i, tensor in enumerate(tensors)}
    archive.write(path, {**checkpoint.about, "state": plain}, arrays)


def read(path: Path) -> Checkpoint | None:
    """Return a checkpoint; None when there is none, or one that cannot be gone on from here.

    That is one that is damaged, or made by another version of this package or of torch.
    """
    try:
        about, arrays = archive.read(path)
    except (FileNotFoundError, StoreError):
        return None
    return Checkpoint(about, _with_tensors(about.pop("state"), arrays))


def _without_tensors(tree: Any, arrays: list[Tensor]) -> Any:
    """Return a tree as JSON values; its tensors are moved to `arrays`."""
    if isinstance(tree, Tensor):
        arrays.append(tree)
        return {"tensor": len(arrays) - 1}
    if isinstance(tree, dict):
        return {"dict": [[key, _without_tensors(value, arrays)] for key, value in tree.items()]}
    if isinstance(tree, list | tuple):
        kind = "list" if isinstance(tree, list) else "tuple"
        return {kind: [_without_tensors(value, arrays) for value in tree]}
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    raise TypeError(f"A {type(tree).__name__} cannot be kept in a checkpoint.")


def _with_tensors(tree: Any, arrays: Any) -> Any:
    """Return the tree that `_without_tensors` was given."""
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "tensor":
        return torch.from_numpy(arrays[f"tensor{content}"])
    if kind == "dict":
        return {key: _with_tensors(value, arrays) for key, value in content}
    return {"list": list, "tuple": tuple}[kind](_with_tensors(v, arrays) for v in content)
