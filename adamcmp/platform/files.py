"""Writing files so that they survive being killed, and saying what went wrong."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from adamcmp.errors import StoreError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that its name holds the old content or the new, whatever happens.

    Raises:
        OSError: When the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself must survive a power cut
    finally:
        os.close(folder)


def temporary_files(path: Path) -> Iterable[Path]:
    """Return what processes that write a file, or were killed at it, have beside it."""
    return path.parent.glob(f".tmp-{glob.escape(path.name)}-*")


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn the system's errors of writing into ones for a person.

    Raises:
        StoreError: In the place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(f"Cannot write to {folder}: {error.strerror or error}.") from None
