"""The memory of this machine."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

#: Parameters of glibc's `mallopt` and their values in bytes: the free memory above which it is
#: returned to the system, and the size from which each block is (not more than 32 MiB).
_MALLOC_PARAMETERS = {-1: 1 << 30, -3: 1 << 25}


def available_memory() -> int:
    """Return the bytes that a process can take without swapping; all memory if it is unknown."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def keep_freed_memory() -> None:
    """Have this process keep freed memory instead of returning it to the system.

    A training step frees and allocates the same buffers again. By default, glibc returns large
    buffers, and accessing new ones costs a page fault per 4 KiB. Other C libraries are left as
    they are.
    """
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in _MALLOC_PARAMETERS.items():
            mallopt(parameter, value)


def format_bytes(count: float) -> str:
    """Return a number of bytes with a unit.

    >>> format_bytes(61_440_000), format_bytes(3.1e9)
    ('61 MB', '3.1 GB')
    """
    return f"{count / 1e9:.2g} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
