"""Feeding groups to workers: longest first, each stored as it ends, halved where it crashes."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adamcmp.claims import Claim
from adamcmp.errors import Interrupted
from adamcmp.executors import Executor, Lost, Result
from adamcmp.grouping import LaneGroup, Task
from adamcmp.provenance import hardware, software
from adamcmp.store import Store
from adamcmp.types import Done, Failed, Outcome

#: Seconds that running groups are given to write their checkpoints once a signal has come.
GRACE = 20.0
#: Seconds between two parts on disk: many small groups share one.
FLUSH = 1.0


@dataclass
class Dispatch:
    """One sweep's groups on their way through an executor into the store.

    Attributes:
        executor: What runs them.
        store: Where rows go.
        claim: Where others are told how far this process is.
        checkpoint_every: Seconds between a group's checkpoints.
        finished: Called with each group and its outcome, after it is stored.
        interrupted: Returns the signal that has come, if any.
        failed: The runs that crashed even alone.
    """

    executor: Executor
    store: Store
    claim: Claim
    checkpoint_every: float
    finished: Callable[[LaneGroup, Outcome], None]
    interrupted: Callable[[], int | None]
    failed: list[Failed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._queue: deque[LaneGroup] = deque()
        self._again: set[str] = set()
        self._ended: list[tuple[LaneGroup, Outcome]] = []
        self._flushed = self._started = time.monotonic()
        self._done = self._runs = 0

    def run(self, groups: Sequence[LaneGroup]) -> None:
        """Train all groups, in the order given.

        Raises:
            AdamcmpError: When something cannot be trained or stored; what was done by then is.
            Interrupted: When a signal came; what was done is stored, what was begun is kept.
        """
        self._queue = deque(groups)
        self._runs = sum(len(group.specs) for group in groups)
        try:
            while self._queue or self.executor.busy:
                if number := self.interrupted():
                    self._stop(number)
                self._feed()
                self._take(self.executor.wait())
        finally:
            self._flush()

    def _feed(self) -> None:
        while self._queue and self.executor.busy < self.executor.workers:
            group = self._queue.popleft()
            path = self.store.checkpoint(spec.run_id for spec in group.specs)
            self.executor.submit("adamcmp.training:train", Task(group, path, self.checkpoint_every))

    def _take(self, results: list[Result]) -> None:
        for result in results:
            group, value = result.item.group, result.value
            if isinstance(value, Lost):
                value = Failed(value.reason, tuple(spec.run_id for spec in group.specs))
                again = self._retry(group, lost=True)
            else:
                again = isinstance(value, Failed) and self._retry(group, lost=False)
            if isinstance(value, Done | Failed) and not again:
                self._ended.append((group, value))
        if self._ended and time.monotonic() - self._flushed >= FLUSH:
            self._flush()

    def _retry(self, group: LaneGroup, lost: bool) -> bool:
        """Queue a crashed group again, in halves; a lane alone once if its worker died."""
        specs = group.specs
        self.store.checkpoint(spec.run_id for spec in specs).unlink(missing_ok=True)
        if len(specs) > 1:
            half = (len(specs) + 1) // 2
            parts = (specs[:half], specs[half:])
            self._queue.extendleft(LaneGroup(part, group.fused) for part in reversed(parts))
            return True
        if lost and specs[0].run_id not in self._again:
            self._again.add(specs[0].run_id)
            self._queue.append(group)
            return True
        return False

    def _flush(self) -> None:
        """Store what has ended, as one part."""
        ended, self._ended = self._ended, []
        self._flushed = time.monotonic()
        if not ended:
            return
        rows = [_rows(group, outcome, self.store.folder.name) for group, outcome in ended]
        self.store.append([r for runs, _ in rows for r in runs], [m for _, ms in rows for m in ms])
        for group, outcome in ended:
            run_ids = [spec.run_id for spec in group.specs]
            self.store.checkpoint(run_ids).unlink(missing_ok=True)
            self._done += len(run_ids)
            if isinstance(outcome, Failed):
                self.failed.append(outcome)
            self.finished(group, outcome)
        spent = self._flushed - self._started
        left = spent / self._done * (self._runs - self._done)
        self.claim.tell(self._runs, self._done, left)

    def _stop(self, number: int) -> None:
        """Have running groups keep their checkpoints, then raise `Interrupted`."""
        self._queue.clear()
        self.executor.stop()
        until = time.monotonic() + GRACE
        while self.executor.busy and time.monotonic() < until:
            self._take(self.executor.wait())
            self._queue.clear()
        self._flush()
        raise Interrupted(number, f"{self._done} of {self._runs} runs were trained")


@contextlib.contextmanager
def signals() -> Iterator[Callable[[], int | None]]:
    """Note SIGINT and SIGTERM instead of dying of them; a second one ends the process at once.

    Yields:
        A function that returns the signal that has come, or None.
    """
    come: list[int] = []

    def note(number: int, frame: Any) -> None:
        if come:
            raise KeyboardInterrupt
        come.append(number)

    if threading.current_thread() is not threading.main_thread():  # only there can they be had
        yield lambda: None
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: come[0] if come else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _rows(
    group: LaneGroup, outcome: Outcome, study: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    if isinstance(outcome, Done):
        return [{**row, "study": study} for row in outcome.runs], outcome.metrics
    assert isinstance(outcome, Failed)
    ended = {
        **software(),
        "hardware": hardware(group.specs[0].numerics.device),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "study": study,
        "status": "failed",
        "error": f"{outcome.error}\n\n{outcome.traceback}".strip(),
    }
    return [{**spec.columns(), **ended} for spec in group.specs], []
