"""Signals that end a sweep."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from adamcmp.errors import Interrupted

#: Ctrl-C, `kill`, and a terminal that is closed.
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: The number of an `Interrupted` that is raised when the time of a worker is over.
TIME_OVER = signal.SIGALRM

#: Returns the signal that has arrived, or `TIME_OVER` once the time is over; otherwise None.
InterruptedBy = Callable[[], int | None]


@contextlib.contextmanager
def deferred_signals() -> Iterator[InterruptedBy]:
    """Record the first ending signal instead of ending the process; the second one ends it.

    A signal that is ignored, such as SIGHUP under ``nohup``, stays ignored.

    Yields:
        A function that returns the signal that has arrived, or None.
    """
    arrived: list[int] = []

    def record(number: int, frame: Any) -> None:
        if arrived:
            raise Interrupted(number, "")
        arrived.append(number)

    # Python allows signal handlers in the main thread only.
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    handlers = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    handlers = {n: handler for n, handler in handlers.items() if handler is not signal.SIG_IGN}
    for number in handlers:
        signal.signal(number, record)
    try:
        yield lambda: arrived[0] if arrived else None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
