"""In this process, one item after the other: the debug twin of `pool`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from adamcmp.executors._base import Executor, Result, named


class Serial(Executor):
    """Runs an item when its result is waited for.

    Args:
        progress: Called with an item and what its function reported.
        interrupted: Whether running functions are to return early.
    """

    def __init__(
        self, progress: Callable[[Any, Any], None], interrupted: Callable[[], Any]
    ) -> None:
        self._progress, self._interrupted = progress, interrupted
        self._queue: deque[tuple[str, Any]] = deque()

    @property
    def busy(self) -> int:
        """See `Executor.busy`."""
        return len(self._queue)

    @property
    def workers(self) -> int:
        """See `Executor.workers`."""
        return 1

    def submit(self, function: str, item: Any) -> None:
        """See `Executor.submit`."""
        self._queue.append((function, item))

    def wait(self) -> list[Result]:
        """See `Executor.wait`."""
        if not self._queue:
            return []
        function, item = self._queue.popleft()
        value = named(function)(
            item, lambda message: self._progress(item, message), lambda: bool(self._interrupted())
        )
        return [Result(item, value)]

    def stop(self) -> None:
        """See `Executor.stop`."""

    def close(self) -> None:
        """See `Executor.close`."""
