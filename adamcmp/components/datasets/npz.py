"""Datasets in NumPy archives of users."""

from __future__ import annotations

import zipfile
import zlib
from typing import Any

import numpy as np

from adamcmp.components.data import Floats, Split
from adamcmp.components.datasets._user_file import UserFile
from adamcmp.errors import DataError, nearest

#: Exceptions that NumPy raises for a file that is not an archive of plain arrays.
_READ_ERRORS = (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error)


class NPZ(UserFile):
    """Arrays ``x`` and ``y``, or ``x_train, y_train, x_test, y_test`` with a test set.

    The first axis enumerates the examples: x is (N, L) for rows and sequences or (N, C, H, W) for
    images (bytes are scaled to [0, 1]), y is (N,) or, for regression, (N, outputs). Archives
    with pickled objects are rejected.

    Attributes:
        target: Name of the array of targets.
    """

    target: str = "y"

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        arrays = self._arrays()
        if f"{self.target}_train" not in arrays:
            x, y = self._checked_pair(arrays, "x", self.target)
            return self.split_off_test_set(x, self.targets(y))
        x, y = self._checked_pair(arrays, "x_train", f"{self.target}_train")
        x_test, y_test = self._checked_pair(arrays, "x_test", f"{self.target}_test")
        for name, train, test in (("x", x, x_test), (self.target, y, y_test)):
            if train.shape[1:] != test.shape[1:]:
                raise DataError(
                    f"dataset.path={self.path}: an example has shape {train.shape[1:]} in "
                    f"{name}_train but {test.shape[1:]} in {name}_test."
                )
        # Numbered together, so that a class has the same number in both sets.
        both = self.targets(np.concatenate([y, y_test]))
        return Split(x, both[: len(x)]), Split(x_test, both[len(x) :])

    def _arrays(self) -> dict[str, Any]:
        try:
            with np.load(self.file(), allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except _READ_ERRORS as error:
            raise DataError(
                f"dataset.path={self.path}: is not an npz archive of plain arrays ({error})."
            ) from None

    def _checked_pair(
        self, arrays: dict[str, Any], x_name: str, y_name: str
    ) -> tuple[Floats, Floats]:
        for name in (x_name, y_name):
            if name not in arrays:
                raise DataError(
                    f"dataset.path={self.path}: has no array {name!r}.{nearest(name, arrays)} "
                    f"It has: {', '.join(arrays) or 'nothing'}."
                )
        x, y = arrays[x_name], arrays[y_name]
        if x.dtype.kind not in "iufb":
            raise DataError(
                f"dataset.path={self.path}: {x_name} should hold numbers, not {x.dtype}."
            )
        if x.ndim not in (2, 4) or not all(x.shape[1:]):
            raise DataError(
                f"dataset.path={self.path}: {x_name} has shape {x.shape}; it should be (N, L) or "
                f"(N, C, H, W)."
            )
        allowed = (1, 2) if self.task == "regression" else (1,)
        if y.ndim not in allowed or len(y) != len(x):
            raise DataError(
                f"dataset.path={self.path}: {y_name} has shape {y.shape}; with {len(x)} examples "
                f"it should be ({len(x)},)."
            )
        return (x / np.float32(255) if x.dtype == np.uint8 else x.astype(np.float64)), y
