"""The cache folder: compiled steps, timings and generated data, all of which can be recreated.

The folder is ``$ADAMCMP_CACHE``, or ``adamcmp`` in the user's cache folder. It may be deleted at
any time.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import io
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcmp.platform.files import write_atomically


@cache
def cache_folder() -> Path:
    """Return the cache folder, and create it if it does not exist.

    If it cannot be written, a temporary folder is used by this process and the processes that it
    starts.
    """
    requested = os.environ.get("ADAMCMP_CACHE")
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        folder = Path(requested) if requested else Path(base) / "adamcmp"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # RuntimeError: the user has no home folder
        pass
    temporary = tempfile.mkdtemp(prefix="adamcmp-cache-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    os.environ["ADAMCMP_CACHE"] = temporary
    print(
        "adamcmp: the cache folder cannot be written, so compiled steps are not reused by later "
        "commands. Set ADAMCMP_CACHE to a writable folder.",
        file=sys.stderr,
    )
    return Path(temporary)


def cached_arrays(
    name: str, make: Callable[[], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Return named arrays from a file of the cache; create and cache them if it does not exist.

    Args:
        name: The file's name. It must contain everything that determines the arrays.
        make: Creates the arrays.
    """
    path = cache_folder() / "data" / f"{name}.npz"
    damage = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
    # The checksums of the zip format detect truncation and flipped bits.
    # NumPy would leave a damaged file open that it opened by itself.
    with (
        contextlib.suppress(*damage),
        path.open("rb") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        return dict(archive)
    arrays = make()
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    with contextlib.suppress(OSError):  # without the file, the arrays are computed again next time
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, content.getvalue())
    return arrays


@cache
def source_digest() -> str:
    """Return a digest of the package's code that determines what a training step computes."""
    root = Path(__file__).parent.parent
    files = [root / "platform" / "random_streams.py"]
    for folder in ("training", "components"):
        files += (file for file in (root / folder).rglob("*") if file.suffix in (".py", ".h"))
    contents = b"".join(file.read_bytes() for file in sorted(files))
    return hashlib.sha256(contents).hexdigest()[:16]
