"""The operations that a study needs of its storage: few, so that an object store can offer them.

Runs, metrics, metadata and the proposals of searches are read and written by these operations.
`adamcmp.storage.folder` implements them on disk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple


class FileVersion(NamedTuple):
    """Changes when a file is replaced.

    Attributes:
        modified_ns: Time of the last write, in nanoseconds since the epoch.
        size: Bytes.
    """

    modified_ns: int
    size: int


class Files(ABC):
    """Files by name, such as ``runs/000000.parquet``.

    A reader sees a file's old content or its new one, never a part of it.

    Attributes:
        path: The folder on this machine. It names the study and holds what is not read and written
            by these operations: reservations, the content of checkpoints, the lock of searches,
            reports and the files of trackers.
    """

    path: Path

    def location(self, name: str) -> str:
        """Return where a file is, for messages."""
        return str(self.path / name)

    @abstractmethod
    def list(self, prefix: str) -> Mapping[str, FileVersion]:
        """Return the files in a subfolder, without those in its subfolders.

        Args:
            prefix: The subfolder, with a slash at its end; empty for the top.

        Returns:
            The version of each file, by name.
        """

    @abstractmethod
    def folders(self) -> Sequence[str]:
        """Return the names of the subfolders at the top."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: If there is no such file.
            OSError: If it cannot be read.
        """

    @abstractmethod
    def create(self, name: str, content: bytes) -> None:
        """Write a new file atomically.

        Raises:
            FileExistsError: If a file of this name exists.
            OSError: If the file cannot be written.
        """

    @abstractmethod
    def replace(self, name: str, content: bytes) -> None:
        """Write a file atomically, replacing an existing one.

        Raises:
            OSError: If the file cannot be written.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file, if it exists.

        Raises:
            OSError: If the file cannot be deleted.
        """

    @abstractmethod
    def remove_partial_writes(self, prefix: str, before_ns: int) -> None:
        """Remove the partial files of processes that were killed while writing.

        Such files, like the parts of an unfinished multipart upload, are in no listing.

        Args:
            prefix: The beginning of the files' names.
            before_ns: Only files that are older than this time are removed.
        """

    @abstractmethod
    def lock(self, timeout: float) -> AbstractContextManager[object]:
        """Return a lock that one process at a time holds; entering it acquires it.

        The lock is advisory, and released when the process that holds it ends. It may create the
        study, since a new study is locked before anything is written.

        Args:
            timeout: Seconds to wait for another process.

        Raises:
            TimeoutError: If another process holds the lock for longer.
            OSError: If the study cannot be written.
        """
