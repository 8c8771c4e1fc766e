"""The operations that a study needs of its storage: few, so that an object store can offer them.

All files of a study are read and written by these operations, except reports, the files of trackers
and the output of jobs.
`adamcmp.storage.folder` implements them on disk, `adamcmp.storage.object_store` in a bucket.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, TypeVar

from adamcmp.platform.addresses import Address

T = TypeVar("T")
U = TypeVar("U")


class FileVersion(NamedTuple):
    """Changes when a file is replaced.

    Attributes:
        modified_ns: Time of the last write, in nanoseconds since the epoch.
        size: Bytes.
        tag: The entity tag of an object, which differs for another content; empty for a file.
    """

    modified_ns: int
    size: int
    tag: str = ""


class Files(ABC):
    """Files by name, such as ``runs/000000.parquet``.

    A reader sees a file's old content or its new one, never a part of it.

    Attributes:
        path: A folder on this machine. It holds what is not read and written by these operations:
            reports, the files of trackers and the output of jobs.
    """

    path: Path

    @property
    def address(self) -> Address:
        """What names the files: the folder, or the URL of an object store."""
        return self.path

    @property
    def on_disk(self) -> bool:
        """Whether the files are those in `path`, so that they can be read and written there."""
        return True

    def location(self, name: str) -> str:
        """Return where a file is, for messages."""
        return str(self.address / name)

    def concurrently(self, function: Callable[[T], U], items: Iterable[T]) -> list[U]:
        """Return the results of a function that reads or deletes files, for each item.

        An implementation whose operations take long calls the function in threads.
        """
        return list(map(function, items))

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

    def exists(self) -> bool:
        """Return whether there is a file or a folder."""
        return bool(self.list("") or self.folders())

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
    def lock(self, timeout: float, name: str = ".lock") -> AbstractContextManager[object]:
        """Return a lock that one process at a time holds; entering it acquires it.

        The lock is advisory, and released when the process that holds it ends: at once on disk,
        within seconds in an object store. It may create the study, since a new study is locked
        before anything is written.

        Args:
            timeout: Seconds to wait for another process.
            name: The file of the lock, which begins with a dot and is in no listing.

        Raises:
            TimeoutError: If another process holds the lock for longer.
            OSError: If the study cannot be written.
        """
