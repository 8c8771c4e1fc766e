"""The base of datasets in users' files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from adamcmp.components.data import Floats, ProblemType, Split
from adamcmp.components.datasets._base import Dataset, shuffled_split
from adamcmp.errors import DataError


class UserFile(Dataset):
    """A dataset in a user's file.

    A run's identity holds the file's sha256 instead of its path: moving the file keeps the
    identity, editing it changes the identity.

    Attributes:
        path: Path of the file.
        task: ``classification`` or ``regression``.
        test_share: Fraction of the examples that become the test set (drawn with split_seed) if
            the file has no test set.
    """

    path: str = Field(description="the file to read, like dataset.path=my/data")
    task: ProblemType = "classification"
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    standardize: bool = True

    excluded_from_identity: ClassVar[frozenset[str]] = frozenset({"path"})
    has_digest: ClassVar[bool] = True

    @property
    def problem_type(self) -> ProblemType:
        """See `Dataset.problem_type`."""
        return self.task

    def file(self) -> Path:
        """Return the path of the file.

        Raises:
            DataError: If it does not exist.
        """
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise DataError(f"dataset.path={self.path}: there is no such file.")
        return path

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`."""
        digest = hashlib.sha256(self.file().read_bytes()).hexdigest()
        return {**super().identity(), "sha256": digest}

    def split_off_test_set(self, x: Floats, y: Floats) -> tuple[Split, Split]:
        """Return (train, test) of the examples of a file without a test set."""
        if len(x) < 2:
            raise DataError(
                f"dataset.path={self.path}: holds {len(x)} examples; at least 2 are needed."
            )
        return shuffled_split(x, y, self.test_share, self._rng("test"))

    def targets(self, y: Floats) -> Floats:
        """Return targets for training: class numbers from 0 (N,), or reals (N, outputs)."""
        if self.task == "regression":
            if y.dtype.kind not in "iuf":
                raise DataError(f"dataset.path={self.path}: regression needs numbers as targets.")
            return y.reshape(len(y), -1).astype(np.float64)
        if y.dtype.kind == "f" and (y != np.round(y)).any():
            raise DataError(
                f"dataset.path={self.path}: classes should be whole numbers or text, but "
                f"{y[y != np.round(y)][0]:g} is among them. For real targets use "
                f"dataset.task=regression."
            )
        _, numbers = np.unique(y, return_inverse=True)
        return numbers.reshape(y.shape).astype(np.int64)
