"""Examples in named arrays, such as ``x_train`` and ``y_train``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcmp.components.data import Split
from adamcmp.components.datasets._user_data import UserData
from adamcmp.errors import nearest

Arrays = Mapping[str, NDArray[Any]]

#: Usual names of inputs and targets, in lower case.
_INPUTS = ("x", "inputs", "images", "features", "data")
_TARGETS = ("y", "targets", "target", "labels", "label")


def examples_of(dataset: UserData, arrays: Arrays, target: str) -> tuple[Split, Split | None]:
    """Return the training examples and the test set in named arrays.

    Args:
        dataset: The dataset, for error messages and the type of problem.
        arrays: The arrays. The case of their names does not matter.
        target: Name of the targets; ``y`` stands for all usual names.

    Raises:
        DataError: If arrays are missing, unusable, or not used.
    """
    train, *test = [_checked(dataset, arrays, *names) for names in _pairs(dataset, arrays, target)]
    if test and train.x.shape[1:] != test[0].x.shape[1:]:
        raise dataset.error(
            f"a training example has shape {train.x.shape[1:]}, but a test example has shape "
            f"{test[0].x.shape[1:]}."
        )
    return train, (test[0] if test else None)


def _pairs(dataset: UserData, arrays: Arrays, target: str) -> list[tuple[str, str]]:
    """Return the names of inputs and targets of the training set and, if any, of the test set."""
    targets = _TARGETS if target == "y" else (target,)
    pairs = []
    for suffix in ("", "_test"):
        x, y = (_first_of(arrays, bases, suffix) for bases in (_INPUTS, targets))
        if x and y:
            pairs.append((x, y))
        elif x or y or not suffix:
            missing = f"{target if x else 'x'}{suffix}"
            raise dataset.error(
                f"has no array {missing!r}.{nearest(missing, arrays)} It has: "
                f"{', '.join(arrays) or 'nothing'}."
            )
    if unused := [name for name in arrays if not any(name in pair for pair in pairs)]:
        raise dataset.error(
            f"{', '.join(unused)}: not used. The arrays are x, {target}, x_test and {target}_test; "
            f"dataset.validation holds out a part of x. Remove the others, or append them to these."
        )
    return pairs


def _first_of(arrays: Arrays, bases: Sequence[str], suffix: str) -> str | None:
    """Return the first array with a usual name of the training set ("") or test set ("_test")."""
    splits = ("test",) if suffix else ("", "train")
    usual = {f"{base}_{split}".strip("_").lower() for base in bases for split in splits}
    usual |= {f"{split}_{base}".strip("_").lower() for base in bases for split in splits}
    return next((name for name in arrays if name.lower() in usual), None)


def _checked(dataset: UserData, arrays: Arrays, x_name: str, y_name: str) -> Split:
    """Return inputs as floating point numbers, with their targets, after checking both."""
    x, y = arrays[x_name], arrays[y_name]
    if x.dtype.kind not in "iufb":
        raise dataset.error(f"{x_name} should hold numbers, not {x.dtype}.")
    if x.ndim not in (2, 4) or not all(x.shape[1:]):
        raise dataset.error(f"{x_name} has shape {x.shape}; it should be (N, L) or (N, C, H, W).")
    allowed = (1, 2) if dataset.task == "regression" else (1,)
    if y.ndim not in allowed or len(y) != len(x):
        raise dataset.error(
            f"{y_name} has shape {y.shape}; with {len(x)} examples it should be ({len(x)},)."
        )
    return Split(x / np.float32(255) if x.dtype == np.uint8 else x.astype(np.float64), y)
