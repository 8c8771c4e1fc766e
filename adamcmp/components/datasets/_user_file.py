"""The base of datasets in users' files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from adamcmp.components.datasets._user_data import UserData
from adamcmp.platform.files import expand_user


class UserFile(UserData):
    """A dataset in a user's file.

    A run's identity holds the file's sha256 instead of its path: moving the file keeps the
    identity, editing it changes the identity.

    Attributes:
        path: Path of the file.
    """

    path: str = Field(description="the file to read, like dataset.path=my/data")

    excluded_from_identity: ClassVar[frozenset[str]] = frozenset({"path"})

    @property
    def label(self) -> str:
        """See `Dataset.label`."""
        return f"dataset.path={self.path}"

    def file(self) -> Path:
        """Return the path of the file.

        Raises:
            DataError: If it does not exist or is a folder.
        """
        path = expand_user(self.path)
        if path.is_dir():
            raise self.error("is a folder. Name a file in it.")
        if not path.is_file():
            raise self.error("there is no such file.")
        return path

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`."""
        return {**super().identity(), "sha256": self.digest()}

    def digest(self) -> str:
        """Return the sha256 of the data."""
        return hashlib.sha256(self.file().read_bytes()).hexdigest()
