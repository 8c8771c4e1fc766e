"""Resolve paths, and write files such that no killed process or power cut leaves a part of one."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from adamcmp.errors import StoreError

#: Prefix of the names of temporary files.
TEMPORARY_PREFIX = ".tmp-"


def expand_user(path: str | Path) -> Path:
    """Return a path with a leading ``~`` replaced by the home folder.

    Unlike in `Path.expanduser`, a name such as ``~data.csv`` stays as it is if no user has it.

    >>> expand_user("~data.csv")
    PosixPath('~data.csv')
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file: at any moment it has either its old content or the new one.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    with _temporary_file(path, content) as temporary:
        temporary.replace(path)


def create_atomically(path: Path, content: bytes) -> None:
    """Write a new file: at any moment it either does not exist or has its whole content.

    Raises:
        FileExistsError: If the file exists.
        OSError: If the disk is full or the folder cannot be written.
    """
    with _temporary_file(path, content) as temporary:
        try:
            path.hardlink_to(temporary)  # unlike a rename, it fails if `path` exists
        except FileExistsError:
            # A network file system may repeat a request whose answer was lost, and report this.
            if not path.samefile(temporary):
                raise
        except OSError:  # a file system without hard links
            if path.exists():
                raise FileExistsError(path) from None
            temporary.replace(path)


@contextlib.contextmanager
def _temporary_file(path: Path, content: bytes) -> Iterator[Path]:
    """Write a flushed temporary file next to a path; flush the folder once the caller moved it."""
    # A process id is not enough: containers that share a folder have equal ones.
    name = f"{TEMPORARY_PREFIX}{path.name}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(name)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a rename survives a power cut only after this
    finally:
        os.close(folder)


def temporary_files(folder: Path, prefix: str) -> Iterable[Path]:
    """Return the temporary files of processes that write files, or were killed while writing.

    Args:
        folder: The folder of the files.
        prefix: The beginning of the files' names.
    """
    return folder.glob(f"{TEMPORARY_PREFIX}{glob.escape(prefix)}*")


@contextlib.contextmanager
def storage_errors(folder: object, remedy: str = "") -> Iterator[None]:
    """Convert an OSError, such as that of a full disk, to a StoreError that names the folder.

    Args:
        folder: The folder or the URL that is written.
        remedy: What the user can do, as a sentence for the message.

    Raises:
        StoreError: In place of an OSError.
    """
    try:
        yield
    except StoreError:  # that of a bucket is an OSError, too
        raise
    except OSError as error:
        text = f"Cannot write to {folder}: {error.strerror or error}. {remedy}"
        raise StoreError(text.rstrip()) from None
