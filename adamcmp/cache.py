"""What can be had again but costs time: compiled steps, measured plans, generated data.

The folder is ``$ADAMCMP_CACHE``, or ``adamcmp`` in the user's cache folder. It may be deleted at
any time.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path


@cache
def cache_folder() -> Path:
    """Return the folder, made if need be; one in the temporary folder where it cannot be."""
    asked = os.environ.get("ADAMCMP_CACHE")
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        folder = Path(asked) if asked else Path(base) / "adamcmp"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # no home, or one that is read-only
        pass
    return Path(tempfile.mkdtemp(prefix="adamcmp-cache-"))


@cache
def source_digest() -> str:
    """Return a digest of this package's code that decides what a step computes."""
    root = Path(__file__).parent
    rooms = ("training", "models", "optimizers", "losses")
    files = [root / "streams.py", *(f for room in rooms for f in (root / room).glob("*.py"))]
    contents = b"".join(file.read_bytes() for file in sorted(files))
    return hashlib.sha256(contents).hexdigest()[:16]
