"""Clocks."""

import time


def boot_time_clock() -> float:
    """Return the seconds of a monotonic clock, including those of suspensions of the machine."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # on Linux
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
