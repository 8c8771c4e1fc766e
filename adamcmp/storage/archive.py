"""Arrays and plain values in one file: a digest, then NumPy's ``npz``; no pickle."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcmp.errors import StoreError
from adamcmp.platform.cache import source_digest
from adamcmp.platform.files import storage_errors, write_atomically
from adamcmp.platform.provenance import package_version

_DIGEST_BYTES = 16


def write(path: Path, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a file, as one atomic step.

    Args:
        path: Where.
        about: Plain JSON values.
        arrays: Arrays by name.

    Raises:
        StoreError: When the disk is full or the folder cannot be written.
    """
    text = json.dumps({**about, "made_by": _made_by()})
    content = io.BytesIO()
    np.savez(content, about=np.array(text), **arrays)  # type: ignore[arg-type]
    npz = content.getvalue()
    with storage_errors(path.parent):
        write_atomically(path, _digest(npz) + npz)


def read(path: Path) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
    """Return what `write` was given.

    Raises:
        FileNotFoundError: When there is no such file.
        StoreError: When it is not what was written, or was written by another version of this
            package or of torch, which may compute other numbers.
    """
    content = path.read_bytes()
    digest, npz = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if digest != _digest(npz):
        raise StoreError(f"{path} is damaged: it is not what was written.")
    arrays = np.load(io.BytesIO(npz), allow_pickle=False)
    about = json.loads(str(arrays["about"]))
    if about.pop("made_by") != _made_by():
        raise StoreError(f"{path} was made by another version of adamcmp or torch.")
    return about, arrays


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _made_by() -> list[str]:
    return [package_version("torch"), source_digest()]
