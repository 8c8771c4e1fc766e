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
    targets = _TARGETS if target == "y" else (target,)
    names = {
        f"{part}{suffix}": _first_of(arrays, bases, suffix)
        for suffix in ("", "_test")
        for part, bases in (("x", _INPUTS), (target, targets))
    }
    has_test = bool(names["x_test"] or names[f"{target}_test"])
    for required, name in names.items():
        if name is None and (has_test or not required.endswith("_test")):
            raise dataset.error(
                f"has no array {required!r}.{nearest(required, arrays)} "
                f"It has: {', '.join(arrays) or 'nothing'}."
            )
    if unused := [name for name in arrays if name not in names.values()]:
        raise dataset.error(
            f"{', '.join(unused)}: not used. The arrays are {', '.join(names)}; "
            f"dataset.validation holds out a part of x. Remove the others, or append them to these."
        )
    train, *test = [
        _checked(dataset, arrays, x_name, y_name)
        for x_name, y_name in (tuple(names.values())[:2], tuple(names.values())[2:])
        if x_name and y_name
    ]
    if test and train.x.shape[1:] != test[0].x.shape[1:]:
        raise dataset.error(
            f"an example has shape {train.x.shape[1:]} in {names['x']}, but "
            f"{test[0].x.shape[1:]} in {names['x_test']}."
        )
    return train, (test[0] if test else None)


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
