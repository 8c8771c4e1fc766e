"""Waits for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_until(
    condition: Callable[[], Value], seconds: float = 120.0, every: float = 0.01
) -> Value:
    """Call a condition until it is true; return its value.

    Args:
        condition: What to wait for.
        seconds: Maximum seconds to wait.
        every: Seconds between two calls.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"the condition was not met within {seconds:g} s"
        time.sleep(every)
    return value
