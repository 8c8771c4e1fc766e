"""Feeding groups to workers: longest first, each stored as it ends, halved where it crashes."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamcmp.errors import Interrupted
from adamcmp.execution.executors import Executor, Result, WorkerDied
from adamcmp.execution.reservations import Reservation
from adamcmp.planning.grouping import LaneGroup, TrainTask
from adamcmp.platform.provenance import hardware, software
from adamcmp.storage.store import Store
from adamcmp.training.outcome import Done, Failed, Outcome, Stopped

if TYPE_CHECKING:
    from adamcmp.training.outcome import TrainingProgress

#: Seconds that running groups are given to write their checkpoints once a signal has come.
GRACE = 20.0
#: Seconds between two parts on disk: many small groups share one.
FLUSH = 1.0
#: Signals that end a sweep: Ctrl-C, a polite kill, a terminal that is closed.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Seconds between two words to other processes of how far this one is.
TELL = 2.0


class SweepProgress:
    """How far a sweep is, how fast, and how long the rest takes.

    Args:
        runs: Runs to train.
    """

    def __init__(self, runs: int) -> None:
        self.runs, self.done = runs, 0
        self.run_steps = 0.0
        self._fractions: dict[str, float] = {}
        #: When the first word came; what was done by then, now or before, took another time.
        self._began: float | None = None
        self._given = 0.0

    def moved(self, group: LaneGroup, progress: TrainingProgress) -> None:
        """Note where a group is."""
        self._began = self._began or time.monotonic()
        fraction = progress.step / progress.steps
        for spec in group.specs:
            before = self._fractions.get(spec.run_id)
            if before is None:
                self._given += fraction
            self.run_steps += progress.steps * max(fraction - (before or fraction), 0)
            self._fractions[spec.run_id] = fraction

    def ended(self, group: LaneGroup, outcome: Outcome) -> None:
        """Note that a group has ended."""
        if self._began is None:
            self._began, self._given = time.monotonic(), float(len(group.specs))
        self.done += len(group.specs)
        before = {s.run_id: self._fractions.pop(s.run_id, 0.0) for s in group.specs}
        if isinstance(outcome, Done):
            for row in outcome.runs:
                taken = row["steps"] if row["stopped_at_step"] is None else row["stopped_at_step"]
                self.run_steps += max(taken - before[row["run_id"]] * row["steps"], 0)

    @property
    def position(self) -> float:
        """Runs done, those under way in part."""
        return min(self.done + sum(self._fractions.values()), self.runs)

    @property
    def speed(self) -> float:
        """Steps of runs per second, by this process."""
        return self.run_steps / self._spent if self._spent else 0.0

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None before there is one."""
        position = self.position
        gained = position - self._given
        if gained <= 0.01:  # too little to tell
            return None
        return self._spent / gained * (self.runs - position)

    @property
    def _spent(self) -> float:
        return time.monotonic() - self._began if self._began else 0.0


@dataclass
class Dispatch:
    """One sweep's groups on their way through an executor into the store.

    Attributes:
        executor: What runs them.
        store: Where rows go.
        claim: Where others are told how far this process is.
        checkpoint_every: Seconds between a group's checkpoints.
        progress: Called with a group and where it is.
        finished: Called with each group and its outcome, after it is stored.
        interrupted: Returns the signal that has come, if any.
        notice: Called with what a person should know.
    """

    executor: Executor
    store: Store
    claim: Reservation
    checkpoint_every: float
    progress: Callable[[LaneGroup, TrainingProgress], None]
    finished: Callable[[LaneGroup, Outcome], None]
    interrupted: Callable[[], int | None]
    notice: Callable[[str], None]

    def __post_init__(self) -> None:
        self._queue: deque[LaneGroup] = deque()
        self._again: set[str] = set()
        self._ended: list[tuple[LaneGroup, Outcome]] = []
        self._kept: dict[Path, frozenset[str]] = {}
        self._flushed = self._told = time.monotonic()
        self._pace = SweepProgress(0)
        self._stopping = False

    def run(self, groups: Sequence[LaneGroup]) -> None:
        """Train all groups, in the order given.

        Raises:
            AdamcmpError: When something cannot be trained or stored; what was done by then is.
            Interrupted: When a signal came; what was done is stored, what was begun is kept.
        """
        self._queue = deque(groups)
        self._kept = self.store.checkpoints()
        self._pace = SweepProgress(sum(len(group.specs) for group in groups))
        self._tell()
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
            run_ids = frozenset(spec.run_id for spec in group.specs)
            path = self.store.checkpoint_path(run_ids)
            source = next((p for p, kept in self._kept.items() if run_ids <= kept), None)
            task = TrainTask(group, path, self.checkpoint_every, source)
            self.executor.submit("adamcmp.training.loop:train", task, self._moved)

    def _moved(self, task: TrainTask, progress: TrainingProgress) -> None:
        self._pace.moved(task.group, progress)
        if time.monotonic() - self._told >= TELL:
            self._tell()
        self.progress(task.group, progress)

    def _take(self, results: list[Result]) -> None:
        for result in results:
            group, value = result.item.group, result.value
            if isinstance(value, WorkerDied):
                self.store.remove_partial_writes(result.item.checkpoint)
                if self._stopping or self._retry(group, lost=True):
                    continue
                value = Failed(value.reason, tuple(spec.run_id for spec in group.specs))
            elif isinstance(value, Stopped):
                # By a signal to the worker alone, unless all are told to stop.
                self._queue.appendleft(group)
                continue
            elif isinstance(value, Failed) and self._retry(group, lost=False):
                continue
            self._ended.append((group, value))
        if self._ended and time.monotonic() - self._flushed >= FLUSH:
            self._flush()

    def _retry(self, group: LaneGroup, lost: bool) -> bool:
        """Queue a crashed group again, in halves; a lane alone once if its worker died."""
        specs = group.specs
        if len(specs) > 1:
            run_ids = frozenset(spec.run_id for spec in specs)
            # The halves go on from where the whole was kept.
            self._kept = {self.store.checkpoint_path(run_ids): run_ids, **self._kept}
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
            self.store.remove_checkpoint(
                self.store.checkpoint_path(spec.run_id for spec in group.specs)
            )
            self._pace.ended(group, outcome)
            self.finished(group, outcome)
        self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self.claim.tell(self._pace.runs, self._pace.done, self._pace.seconds_left)

    def _stop(self, number: int) -> None:
        """Have running groups keep their checkpoints, then raise `Interrupted`."""
        self._stopping = True
        self.executor.stop()
        self.notice("stopping: what was begun is kept ...")
        until = time.monotonic() + GRACE
        while self.executor.busy and time.monotonic() < until:
            self._take(self.executor.wait())
        self._flush()
        done, runs = self._pace.done, self._pace.runs
        raise Interrupted(number, f"{done} of {runs} runs were trained")


@contextlib.contextmanager
def signals() -> Iterator[Callable[[], int | None]]:
    """Note signals to end instead of dying of them; a second one ends the process at once.

    One that is ignored, as a hangup is under ``nohup``, stays so.

    Yields:
        A function that returns the signal that has come, or None.
    """
    come: list[int] = []

    def note(number: int, frame: Any) -> None:
        if come:
            raise Interrupted(number, "")
        come.append(number)

    if threading.current_thread() is not threading.main_thread():  # only there can they be had
        yield lambda: None
        return
    before = {n: signal.getsignal(n) for n in ENDING}
    before = {n: handler for n, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, note)
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
