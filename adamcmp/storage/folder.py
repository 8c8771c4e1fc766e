"""The file operations of a study; few, so that an object store can implement them too."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adamcmp.platform.files import create_atomically, write_atomically


@dataclass(frozen=True)
class Folder:
    """Files by name, such as ``runs/000000.parquet``.

    Attributes:
        path: The folder on disk.
    """

    path: Path

    def location(self, name: str) -> Path:
        """Return the path of a file, for messages."""
        return self.path / name

    def list(self, prefix: str) -> Mapping[str, str]:
        """Return the files in a subfolder.

        Args:
            prefix: The subfolder, with a slash at its end.

        Returns:
            The version of each file, by name: a string that changes when the file is replaced.
        """
        versions = {}
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for entry in os.scandir(self.path / prefix):
                # Files that begin with a dot are temporary.
                if entry.name.startswith(".") or not entry.is_file():
                    continue
                with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
                    status = entry.stat()
                    versions[prefix + entry.name] = f"{status.st_mtime_ns}-{status.st_size}"
        return versions

    def read(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: If there is no such file.
            OSError: If it cannot be read.
        """
        return self.location(name).read_bytes()

    def create(self, name: str, content: bytes) -> None:
        """Write a new file atomically.

        Raises:
            FileExistsError: If a file of this name exists.
            OSError: If the disk is full or the folder cannot be written.
        """
        create_atomically(self.location(name), content)

    def replace(self, name: str, content: bytes) -> None:
        """Write a file atomically, replacing an existing one.

        Raises:
            OSError: If the disk is full or the folder cannot be written.
        """
        write_atomically(self.location(name), content)

    def delete(self, name: str) -> None:
        """Delete a file, if it exists.

        Raises:
            OSError: If the folder cannot be written.
        """
        self.location(name).unlink(missing_ok=True)
