"""What can be had again but costs time: compiled steps, measured plans, generated data.

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
    """Return the folder, made if need be.

    Where it cannot be written a temporary one serves this process and those it starts.
    """
    asked = os.environ.get("ADAMCMP_CACHE")
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        folder = Path(asked) if asked else Path(base) / "adamcmp"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # no home, or one that is read-only
        pass
    temporary = tempfile.mkdtemp(prefix="adamcmp-cache-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    os.environ["ADAMCMP_CACHE"] = temporary
    print(
        "adamcmp: the cache folder cannot be written (ADAMCMP_CACHE names another one): what is "
        "compiled now is not kept.",
        file=sys.stderr,
    )
    return Path(temporary)


def cached_arrays(
    name: str, make: Callable[[], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Return named arrays from a file of the cache; they are made where it is not there.

    Args:
        name: The file's name, which holds whatever decides what the arrays are.
        make: Makes them.
    """
    path = cache_folder() / "data" / f"{name}.npz"
    damage = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
    # The zip's own checksums find what is truncated or flipped.
    with contextlib.suppress(*damage), np.load(path, allow_pickle=False) as archive:
        return dict(archive)
    arrays = make()
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    with contextlib.suppress(OSError):  # a full disk costs the time that is saved, no more
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, content.getvalue())
    return arrays


@cache
def source_digest() -> str:
    """Return a digest of this package's code that decides what a step computes."""
    root = Path(__file__).parent.parent
    folders = [
        root / "training",
        *(root / "components" / c for c in ("models", "optimizers", "losses")),
    ]
    streams = root / "platform" / "random_streams.py"
    files = [streams, *(file for folder in folders for file in folder.rglob("*.py"))]
    contents = b"".join(file.read_bytes() for file in sorted(files))
    return hashlib.sha256(contents).hexdigest()[:16]
