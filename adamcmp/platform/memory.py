"""The memory of this machine."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def available_memory() -> int:
    """Return the bytes that a process can take without swapping; all memory if it is unknown."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def format_bytes(count: float) -> str:
    """Return a number of bytes with a unit.

    >>> format_bytes(61_440_000), format_bytes(3.1e9)
    ('61 MB', '3.1 GB')
    """
    return f"{count / 1e9:.2g} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
