"""The checkpoint file of a group: tensors and JSON, without pickle.

Random streams need no state, since each step computes its random numbers from its position (see
`adamcmp.platform.random_streams`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adamcmp.errors import StoreError
from adamcmp.storage import archive


@dataclass(frozen=True)
class Checkpoint:
    """The state of a group between two steps.

    Attributes:
        metadata: JSON values: the steps taken, and the rows of the runs so far.
        state: A tree (dicts, lists, tuples) of tensors and JSON values.
    """

    metadata: dict[str, Any]
    state: Any


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically.

    Raises:
        StoreError: If the disk is full or the folder cannot be written.
        TypeError: If a value of the state is neither a tensor nor a JSON value.
    """
    tensors: list[Tensor] = []
    structure = _extract_tensors(checkpoint.state, tensors)
    arrays = {f"tensor{i}": tensor.detach().cpu().numpy() for i, tensor in enumerate(tensors)}
    archive.write(path, {**checkpoint.metadata, "state": structure}, arrays)


def read(path: Path) -> Checkpoint | None:
    """Read a checkpoint.

    Returns:
        None if the file does not exist, is damaged, or was written by another version of this
        package or of torch.
    """
    try:
        metadata, arrays = archive.read(path)
    except (FileNotFoundError, StoreError):
        return None
    return Checkpoint(metadata, _insert_tensors(metadata.pop("state"), arrays))


def _extract_tensors(tree: Any, tensors: list[Tensor]) -> Any:
    """Return a tree as JSON values; append its tensors to `tensors`."""
    if isinstance(tree, Tensor):
        tensors.append(tree)
        return {"tensor": len(tensors) - 1}
    if isinstance(tree, dict):
        return {"dict": [[key, _extract_tensors(value, tensors)] for key, value in tree.items()]}
    if isinstance(tree, list | tuple):
        container = "list" if isinstance(tree, list) else "tuple"
        return {container: [_extract_tensors(value, tensors) for value in tree]}
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    raise TypeError(f"A {type(tree).__name__} cannot be stored in a checkpoint.")


def _insert_tensors(tree: Any, arrays: Mapping[str, Any]) -> Any:
    """Invert `_extract_tensors`."""
    if not isinstance(tree, dict):
        return tree
    ((container, content),) = tree.items()
    if container == "tensor":
        return torch.from_numpy(arrays[f"tensor{content}"])
    if container == "dict":
        return {key: _insert_tensors(value, arrays) for key, value in content}
    values = (_insert_tensors(value, arrays) for value in content)
    return {"list": list, "tuple": tuple}[container](values)
