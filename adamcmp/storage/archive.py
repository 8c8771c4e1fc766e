"""Files of arrays and JSON values: a digest, then NumPy's ``npz`` format without pickle."""

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
from adamcmp.platform.files import storage_errors, write_atomically
from adamcmp.platform.provenance import package_version

#: Version of the checkpoint format. Increase it when training cannot resume from the checkpoints of
#: an earlier commit because their layout or its meaning has changed. A change of a run's numbers
#: needs no new version, since the run id changes with it.
FORMAT_VERSION = 2
#: Key of the metadata that holds the format of the file; the format of version 0.1 is 1.
FORMAT = "format"
_DIGEST_BYTES = 16
# Digest of the source of version 0.1, which identified its files by it.
_SOURCE_0_1 = "adddfda63c101478"
# Names that version 0.1 used.
_METADATA = "about"
_VERSIONS = "made_by"


def write(path: Path, metadata: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a file atomically.

    Args:
        path: The file.
        metadata: Plain JSON values.
        arrays: Arrays by name.

    Raises:
        StoreError: If the disk is full or the folder cannot be written.
    """
    text = json.dumps({**metadata, _VERSIONS: _versions()})
    content = io.BytesIO()
    np.savez(content, **{_METADATA: np.array(text), **arrays})  # type: ignore[arg-type]
    npz = content.getvalue()
    with storage_errors(path.parent):
        path.parent.mkdir(exist_ok=True)  # not its parents: the study may have been moved
        write_atomically(path, _digest(npz) + npz)


def read(path: Path) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
    """Return the metadata and the arrays of a file.

    Raises:
        FileNotFoundError: If there is no such file.
        StoreError: As `decode`.
    """
    return decode(path.read_bytes(), str(path))


def decode(content: bytes, location: str) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
    """Return the metadata and the arrays of what `write`, or version 0.1, wrote.

    The metadata has the key `FORMAT`.

    Args:
        content: The content of the file.
        location: Where the file is, for messages.

    Raises:
        StoreError: If it is damaged, or was written with another format version or another version
            of torch, which may compute other numbers.
    """
    digest, npz = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if digest != _digest(npz):
        raise StoreError(f"{location} is damaged: its content does not match its digest.")
    arrays = np.load(io.BytesIO(npz), allow_pickle=False)
    metadata = json.loads(str(arrays[_METADATA]))
    versions = metadata.pop(_VERSIONS)
    if versions == _versions():
        return {**metadata, FORMAT: FORMAT_VERSION}, arrays
    if versions == [package_version("torch"), _SOURCE_0_1]:
        steps_taken = metadata.pop("taken")
        return {**metadata, "steps_taken": steps_taken, FORMAT: 1}, arrays
    raise StoreError(f"{location} was written by another version of adamcmp or torch.")


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _versions() -> dict[str, Any]:
    return {"format": FORMAT_VERSION, "torch": package_version("torch")}
