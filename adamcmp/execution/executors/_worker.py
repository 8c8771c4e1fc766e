"""What a worker process of a `Pool` runs."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import time
from collections.abc import Callable
from io import TextIOWrapper
from multiprocessing.connection import Connection
from typing import Any

from adamcmp.errors import AdamcmpError, WorkerUnusable
from adamcmp.execution.executors._base import Task
from adamcmp.platform.memory import keep_freed_memory
from adamcmp.platform.progress import hide_progress

#: Seconds between two checks whether to stop.
_POLL_SECONDS = 0.2
#: Seconds between two progress messages; those in between are dropped.
_REPORT_EVERY = 0.1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(descriptor: str) -> None:
    """Run the tasks of one pool until it closes the connection, or SIGTERM arrives.

    Args:
        descriptor: The number of the connection's file descriptor.
    """
    stop_requested = False

    def request_stop(number: int, frame: Any) -> None:
        nonlocal stop_requested
        stop_requested = True

    # Ctrl-C and a closed terminal signal all processes; the parent decides how to react.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, request_stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    hide_progress()  # the parent shows it
    keep_freed_memory()
    # What a user's model printed must not be lost if the process is killed.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    # Undocumented: multiprocessing opens connections only for the processes that it starts itself.
    connection = Connection(int(descriptor))
    # The parent may end at any moment; the results are not needed then.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(("ready", None))
        _warm_up(connection.recv())
        while not stop_requested:
            if connection.poll(_POLL_SECONDS) and not _run(connection, lambda: stop_requested):
                return
        connection.send(("exiting", None))


def _warm_up(function: Callable[[], None] | None) -> None:
    """Import what tasks need, and exclude the imported objects from garbage collection."""
    gc.disable()
    if function is not None:
        with contextlib.suppress(ImportError):  # the task that needs the import reports it
            function()
    gc.freeze()
    gc.enable()


def _run(connection: Connection, should_stop: Callable[[], bool]) -> bool:
    """Run one task; return whether this process can run another."""
    sys.path[:] = connection.recv()
    task: Task[Any, Any, Any] = connection.recv()
    try:
        value = task.function(task.argument, _reporter(connection), should_stop)
    except AdamcmpError as error:
        connection.send(("refused", error))
    except WorkerUnusable as unusable:
        # Sent before the result, so that this worker gets no other task.
        connection.send(("exiting", None))
        connection.send(("done", unusable.value))
        return False
    else:
        connection.send(("done", value))
    return True


def _reporter(connection: Connection) -> Callable[[object], None]:
    """Return the function with which a task reports progress; it sends a few messages a second."""
    sent = 0.0

    def report(message: object) -> None:
        nonlocal sent
        if time.monotonic() - sent < _REPORT_EVERY:
            return
        sent = time.monotonic()
        try:
            connection.send(("progress", message))
        except (BrokenPipeError, ConnectionResetError):
            # Not an Exception, which would be reported as a crash of the task.
            raise SystemExit from None

    return report
