"""Runs tasks in this process, one after the other: for single runs and for debugging."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any

from adamcmp.errors import WorkerUnusable
from adamcmp.execution.executors._base import (
    Executor,
    Handle,
    Message,
    ProgressCallback,
    Result,
    Task,
    Value,
    ignore_progress,
)


class Serial(Executor):
    """Runs one task per call of `poll`.

    Args:
        should_stop: Returns whether the running task must return early, such as after a signal.
    """

    def __init__(self, should_stop: Callable[[], Any] = lambda: False) -> None:
        self._should_stop = should_stop
        self._numbers = itertools.count()
        self._waiting: deque[tuple[Handle[Any], Task[Any, Any, Any]]] = deque()

    @property
    def slots(self) -> int:
        """See `Executor.slots`."""
        return 1

    def submit(self, tasks: Sequence[Task[Any, Any, Value]]) -> list[Handle[Value]]:
        """See `Executor.submit`."""
        handles = [Handle[Value](str(next(self._numbers))) for _ in tasks]
        self._waiting += zip(handles, tasks, strict=True)
        return handles

    def poll(
        self, on_progress: ProgressCallback[Value, Message] = ignore_progress
    ) -> list[Result[Value]]:
        """See `Executor.poll`."""
        if not self._waiting:
            return []
        handle, task = self._waiting.popleft()
        # What a user's model prints must not mix with what a command prints.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                value = task.function(
                    task.argument,
                    lambda message: on_progress(handle, message),
                    lambda: bool(self._should_stop()),
                )
            except WorkerUnusable as unusable:
                value = unusable.value
        return [Result(handle, value)]

    def cancel(self, handles: Collection[Handle[Any]]) -> None:
        """See `Executor.cancel`."""
        self._waiting = deque(pair for pair in self._waiting if pair[0] not in set(handles))

    def close(self) -> None:
        """See `Executor.close`."""
