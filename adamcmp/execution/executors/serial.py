"""In this process, one item after the other: the debug twin of `pool`."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from adamcmp.errors import WorkerUnusable
from adamcmp.execution.executors._base import Executor, ProgressCallback, Result, named


class Serial(Executor):
    """Runs an item when its result is waited for.

    Args:
        interrupted: Whether running functions are to return early.
    """

    def __init__(self, interrupted: Callable[[], Any]) -> None:
        self._interrupted = interrupted
        self._queue: deque[tuple[str, Any, ProgressCallback]] = deque()

    @property
    def busy(self) -> int:
        """See `Executor.busy`."""
        return len(self._queue)

    @property
    def workers(self) -> int:
        """See `Executor.workers`."""
        return 1

    def submit(self, function: str, item: Any, progress: ProgressCallback) -> None:
        """See `Executor.submit`."""
        self._queue.append((function, item, progress))

    def wait(self) -> list[Result]:
        """See `Executor.wait`."""
        if not self._queue:
            return []
        function, item, progress = self._queue.popleft()
        # What the user's own code prints is no part of what a command prints.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                value = named(function)(
                    item, lambda message: progress(item, message), lambda: bool(self._interrupted())
                )
            except WorkerUnusable as ruined:
                value = ruined.value
        return [Result(item, value)]

    def stop(self) -> None:
        """See `Executor.stop`."""
        self._queue.clear()

    def close(self) -> None:
        """See `Executor.close`."""
