"""A study's files in memory: a second implementation, without the help of a file system."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from adamcmp.storage.files import Files, FileVersion


class MemoryFiles(Files):
    """Files in a dictionary.

    Args:
        path: Names the study; nothing is written to it.

    Attributes:
        contents: The content of each file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.contents: dict[str, bytes] = {}
        self._modified_ns: dict[str, int] = {}
        self._locks: dict[str, threading.Lock] = {}

    def list(self, prefix: str) -> Mapping[str, FileVersion]:
        return {
            name: FileVersion(self._modified_ns[name], len(content))
            for name, content in self.contents.items()
            if name.startswith(prefix) and "/" not in name.removeprefix(prefix)
        }

    def folders(self) -> Sequence[str]:
        return sorted({name.split("/")[0] for name in self.contents if "/" in name})

    def read(self, name: str) -> bytes:
        if name not in self.contents:
            raise FileNotFoundError(name)
        return self.contents[name]

    def create(self, name: str, content: bytes) -> None:
        if name in self.contents:
            raise FileExistsError(name)
        self.replace(name, content)

    def replace(self, name: str, content: bytes) -> None:
        self.contents[name] = content
        self._modified_ns[name] = time.time_ns()

    def delete(self, name: str) -> None:
        self.contents.pop(name, None)

    def remove_partial_writes(self, prefix: str, before_ns: int) -> None:
        """Do nothing: a write cannot be partial."""

    @contextlib.contextmanager
    def lock(self, timeout: float, name: str = ".lock") -> Iterator[None]:
        lock = self._locks.setdefault(name, threading.Lock())
        if not lock.acquire(timeout=timeout):
            raise TimeoutError
        try:
            yield
        finally:
            lock.release()
