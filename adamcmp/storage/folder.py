"""A study's files on disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from adamcmp.errors import StoreError
from adamcmp.platform.files import create_atomically, temporary_files, write_atomically
from adamcmp.storage.files import Files, FileVersion


class AccessDenied(StoreError, PermissionError):
    """This user may not read a file or a folder.

    It is an `OSError` like the others of `adamcmp.storage.files.Files`, which callers handle.
    """


@dataclass(frozen=True)
class Folder(Files):
    """The files in a folder.

    Subfolders are created when they are needed. The folder itself is created by `lock` only, so
    that a process does not write to the former place of a study that was moved.

    Attributes:
        path: The folder.
    """

    path: Path

    def list(self, prefix: str) -> Mapping[str, FileVersion]:
        """See `Files.list`."""
        versions = {}
        for entry in self._entries(prefix):
            # Files that begin with a dot are temporary, or locks.
            if entry.name.startswith(".") or not entry.is_file():
                continue
            with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
                status = entry.stat()
                versions[prefix + entry.name] = FileVersion(status.st_mtime_ns, status.st_size)
        return versions

    def folders(self) -> Sequence[str]:
        """See `Files.folders`."""
        return [entry.name for entry in self._entries("") if entry.is_dir()]

    def _entries(self, prefix: str) -> Iterator[os.DirEntry[str]]:
        missing = contextlib.suppress(FileNotFoundError, NotADirectoryError)
        with missing, _named(self.path / prefix), os.scandir(self.path / prefix) as entries:
            yield from entries

    def read(self, name: str) -> bytes:
        """See `Files.read`."""
        with _named(self.path / name):
            return (self.path / name).read_bytes()

    def create(self, name: str, content: bytes) -> None:
        """See `Files.create`."""
        create_atomically(self._writable(name), content)

    def replace(self, name: str, content: bytes) -> None:
        """See `Files.replace`."""
        write_atomically(self._writable(name), content)

    def _writable(self, name: str) -> Path:
        path = self.path / name
        if path.parent != self.path:
            path.parent.mkdir(exist_ok=True)
        return path

    def delete(self, name: str) -> None:
        """See `Files.delete`."""
        (self.path / name).unlink(missing_ok=True)

    def remove_partial_writes(self, prefix: str, before_ns: int) -> None:
        """See `Files.remove_partial_writes`."""
        folder, _, name = prefix.rpartition("/")
        for path in temporary_files(self.path / folder, name):
            with contextlib.suppress(FileNotFoundError):  # another process ended its write
                if path.stat().st_mtime_ns < before_ns:
                    path.unlink()

    @contextlib.contextmanager
    def lock(self, timeout: float, name: str = ".lock") -> Iterator[None]:
        """See `Files.lock`."""
        self.path.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path / name, timeout=timeout):
            yield


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the path of a file or a folder that may not be read.

    Raises:
        AccessDenied: In place of a PermissionError.
    """
    try:
        yield
    except PermissionError:
        raise AccessDenied(f"Cannot read {path}: this user has no right to read it.") from None
