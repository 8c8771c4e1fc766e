"""Datasets in NumPy archives of users."""

from __future__ import annotations

import zipfile
import zlib
from typing import Any, ClassVar

import numpy as np

from adamcmp.components.data import Split
from adamcmp.components.datasets._named_arrays import examples_of
from adamcmp.components.datasets._user_file import UserFile

#: Exceptions that NumPy raises for a file that is not an archive of plain arrays.
_READ_ERRORS = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)


class NPZ(UserFile):
    """Arrays ``x`` and ``y``, and ``x_test`` and ``y_test`` if there is a test set.

    The first axis enumerates the examples: x is (N, L) for rows and sequences or (N, C, H, W) for
    images (bytes are scaled to [0, 1]), y is (N,) or, for regression, (N, outputs). Other usual
    names are accepted too, such as ``X_train`` or ``train_images``. Archives with pickled objects
    or with other arrays are rejected.

    Attributes:
        target: Name of the array of targets, without ``_train`` or ``_test``.
    """

    target: str = "y"

    # 1: a test set beside arrays x and y is used, and constant columns become 0.
    revision: ClassVar[int] = 1

    def examples(self) -> tuple[Split, Split | None]:
        """See `UserData.examples`."""
        return examples_of(self, self._arrays(), self.target)

    def _arrays(self) -> dict[str, Any]:
        try:
            archive = np.load(self.file(), allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise self.error(
                    f"is a single array of shape {archive.shape}. Save inputs and targets in one "
                    f"archive: np.savez('data.npz', x=x, y=y)."
                )
            with archive:
                return {name: archive[name] for name in archive.files}
        except _READ_ERRORS as error:
            raise self.error(f"is not an npz archive of plain arrays ({error}).") from None
