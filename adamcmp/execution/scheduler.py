"""Submit groups to an executor and store their rows; halve and retry groups that crash."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from operator import not_
from pathlib import Path

from adamcmp.errors import Interrupted, counted
from adamcmp.execution.executors import Executor, Handle, Result, Task, WorkerProcessDied
from adamcmp.execution.late_results import LateResults
from adamcmp.execution.observer import Observer
from adamcmp.execution.outcome_rows import outcome_rows
from adamcmp.execution.progress import SweepProgress
from adamcmp.execution.reservations import Reservations
from adamcmp.execution.signals import TIME_OVER, InterruptedBy
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.storage.store import Store
from adamcmp.training import tasks
from adamcmp.training.outcome import Failed, Outcome, Stopped, TrainingProgress

#: Seconds that running groups have to write their checkpoints after a signal.
GRACE_SECONDS = 20.0
#: Minimum seconds between two parts on disk, so that many small groups share one part.
FLUSH_SECONDS = 1.0
#: Minimum and maximum seconds between two looks for a share, while every share is reserved.
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 1.0, 120.0
#: Seconds between two looks for a signal, while every share is reserved.
POLL_SECONDS = 0.2


def pause_seconds(waited: float, interval: float) -> float:
    """Return the seconds until a worker looks for a share again, while every share is reserved.

    The pause is half of the time waited so far: at least 1 s, and at most two heartbeats or 120 s.
    So workers that wait for long read few files.

    Args:
        waited: Seconds for which it has waited.
        interval: Seconds between its heartbeats.
    """
    return min(max(waited / 2, MIN_PAUSE_SECONDS), 2 * interval, MAX_PAUSE_SECONDS)


@dataclass
class Scheduler:
    """Trains groups on an executor and stores their rows.

    Attributes:
        executor: Runs the groups.
        store: Receives their rows.
        reservations: Reserves the groups, share by share.
        runs: Number of runs to train, for the progress.
        observer: Receives progress, outcomes and notices.
        checkpoint_every: Seconds between a group's checkpoints.
        interrupted: Returns the signal that has arrived, if any.
    """

    executor: Executor
    store: Store
    reservations: Reservations
    runs: int
    observer: Observer
    checkpoint_every: float
    interrupted: InterruptedBy
    _waiting: deque[LaneGroup] = field(init=False, default_factory=deque)
    _running: dict[Handle[Outcome], LaneGroup] = field(init=False, default_factory=dict)
    _ended: list[tuple[LaneGroup, Outcome]] = field(init=False, default_factory=list)
    _retried: set[str] = field(init=False, default_factory=set)
    _checkpoints: dict[Path, frozenset[str]] = field(init=False, default_factory=dict)
    _progress: SweepProgress = field(init=False)
    _stopping: bool = field(init=False, default=False)
    _late: LateResults = field(init=False)
    #: The losses of `reservations` for which groups were given up.
    _losses: int = field(init=False, default=0)
    #: Time of the last part on disk.
    _flushed: float = field(init=False)
    #: Time since which every share is reserved, and the time of the next look for one.
    _waits_since: float | None = field(init=False, default=None)
    _next_look: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._late = LateResults(self.store)
        self._progress = SweepProgress(self.runs)
        self._flushed = time.monotonic()

    def run(self) -> None:
        """Train shares until no plan has one that is not done.

        Raises:
            AdamcmpError: If a group cannot be trained or stored; earlier groups are stored.
            Interrupted: If a signal arrives; groups that ended are stored, running ones have
                checkpoints.
        """
        self._publish()
        with self.store.checkpoints.transferring():
            try:
                while self.advance():
                    pass
            finally:
                self._flush()
                self._late.compare()

    def advance(self) -> bool:
        """Reserve and submit what is possible now, and handle what has ended.

        Returns:
            Whether a plan has a share that is not done.

        Raises:
            AdamcmpError: See `run`.
            Interrupted: See `run`.
        """
        if not self._has_work():
            return False
        if signal_number := self.interrupted():
            self._stop(signal_number)
        self._submit()
        self._collect()
        return True

    @property
    def next_look(self) -> float:
        """When a worker without a group looks for a share again, as `time.monotonic` returns it."""
        return self._next_look

    def _has_work(self) -> bool:
        self._give_up_lost()
        if self._reserve() or self._running:
            return True
        self._flush()
        return self._waits_for_others()

    def _reserve(self) -> bool:
        """Reserve shares until every slot has a group; return whether any group waits."""
        while self._free_slots > len(self._waiting) and time.monotonic() >= self._next_look:
            if groups := self.reservations.take():
                self._waiting += groups
                self._checkpoints = self.store.checkpoints.existing()
                self._waits_since = None
            else:
                now = time.monotonic()
                self._waits_since = self._waits_since or now
                interval = self.reservations.heartbeat.interval
                self._next_look = now + pause_seconds(now - self._waits_since, interval)
        return bool(self._waiting)

    @property
    def _free_slots(self) -> int:
        return self.executor.slots - len(self._running)

    def _waits_for_others(self) -> bool:
        """Return whether other workers train shares, which become free if these workers die."""
        if not self.reservations.waiting_for_others:
            return False
        time.sleep(min(self.reservations.heartbeat.interval / 2, POLL_SECONDS))
        return True

    def _give_up_lost(self) -> None:
        """Stop groups that another worker has taken over, or whose plan was removed."""
        if self.reservations.refresh_is_due:
            self.reservations.refresh()
        if self.reservations.losses == self._losses:
            return
        self._losses = self.reservations.losses
        has_reserved = self.reservations.has_reserved
        self._waiting = deque(group for group in self._waiting if has_reserved(group.run_ids))
        self.executor.cancel([h for h, g in self._running.items() if not has_reserved(g.run_ids)])

    def _submit(self) -> None:
        """Submit waiting groups while the executor has free slots."""
        count = min(self._free_slots, len(self._waiting))
        groups = [self._waiting.popleft() for _ in range(count)]
        arguments = [(group, self._checkpointing(group)) for group in groups]
        handles = self.executor.submit([Task(tasks.train_task, pair) for pair in arguments])
        self._running |= zip(handles, groups, strict=True)

    def _checkpointing(self, group: LaneGroup) -> Checkpointing:
        checkpoints = self.store.checkpoints
        # The halves of a group that crashed resume from the checkpoint of the whole group.
        larger = (item for item in self._checkpoints.items() if group.run_ids <= item[1])
        source, run_ids = next(larger, (None, group.run_ids))
        checkpoints.fetch(group.run_ids)
        checkpoints.fetch(run_ids)
        return Checkpointing(checkpoints.path(group.run_ids), self.checkpoint_every, source)

    def _collect(self) -> None:
        """Wait briefly, then handle the progress and the results that have arrived."""
        for result in self.executor.poll(self._update):
            self._finish(result)
        if self._ended and time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self._flush()

    def _update(self, handle: Handle[Outcome], progress: TrainingProgress) -> None:
        group = self._running[handle]
        self._progress.update(group, progress)
        self._publish()
        self.observer.on_progress(group, progress)

    def _finish(self, result: Result[Outcome]) -> None:
        """Record a group's outcome, or queue the group again."""
        group, outcome = self._running.pop(result.handle), result.value
        if isinstance(outcome, Stopped):
            # A signal reached only its process, or the whole sweep stops, or the group is lost.
            if self.reservations.has_reserved(group.run_ids):
                self._waiting.appendleft(group)
            return
        if isinstance(outcome, WorkerProcessDied):
            self.store.checkpoints.remove_partial_writes(group.run_ids)
            if self._stopping or self._retry(group, worker_died=True):
                return
            outcome = Failed(outcome.reason, tuple(spec.run_id for spec in group.specs))
        elif isinstance(outcome, Failed) and self._retry(group, worker_died=False):
            return
        self._ended.append((group, outcome))

    def _retry(self, group: LaneGroup, *, worker_died: bool) -> bool:
        """Queue a crashed group again, in halves; a single lane once, if its process died."""
        if len(group.specs) > 1:
            self._checkpoints = {
                self.store.checkpoints.path(group.run_ids): group.run_ids,
                **self._checkpoints,
            }
            self._waiting.extendleft(reversed(group.halves()))
            return True
        run_id = group.specs[0].run_id
        if worker_died and run_id not in self._retried:
            self._retried.add(run_id)
            self._waiting.append(group)
            return True
        return False

    def _flush(self) -> None:
        """Store the groups that have ended, except those that are not reserved any more."""
        ended, self._ended = self._ended, []
        self._flushed = time.monotonic()
        if not ended:
            return
        stored = False
        while not stored:
            self.reservations.refresh()
            reserved = [self.reservations.has_reserved(group.run_ids) for group, _ in ended]
            kept = list(compress(ended, reserved))
            stored = self._store(kept)
        for group, outcome in kept:
            self.store.checkpoints.remove(group.run_ids)
            self._progress.finish(group, outcome)
            self.observer.on_finished(group, outcome)
        self._publish()
        for group, outcome in compress(ended, map(not_, reserved)):
            self._discard(group, outcome)

    def _store(self, ended: Sequence[tuple[LaneGroup, Outcome]]) -> bool:
        """Store the rows of groups that have ended, as one part.

        Returns:
            False if another process has taken over some of the groups meanwhile; none is stored.
        """
        tables = [outcome_rows(group, outcome, self.store.folder.name) for group, outcome in ended]
        run_ids = [spec.run_id for group, _ in ended for spec in group.specs]
        if not run_ids:
            return True
        runs, metrics, examples = (
            list(chain.from_iterable(rows)) for rows in zip(*tables, strict=True)
        )

        def still_reserved() -> bool:
            self.reservations.refresh()
            return self.reservations.has_reserved(run_ids)

        attempts = self.reservations.attempts(run_ids)
        if not self.store.append(runs, metrics, examples, attempts, still_reserved):
            return False
        self.reservations.mark_stored(run_ids)
        return True

    def _discard(self, group: LaneGroup, outcome: Outcome) -> None:
        """Compare the rows of a group that is not reserved any more with the stored ones."""
        rows, *_ = outcome_rows(group, outcome, self.store.folder.name)
        self._late.add(rows, self.reservations.attempts(group.run_ids))
        self.observer.on_notice(
            f"The results of {counted(len(group.specs), 'run')} are not stored: another worker has "
            f"taken over what this process trained, or the plan was removed."
        )

    def _publish(self) -> None:
        progress = self._progress
        self.reservations.heartbeat.publish(progress.runs, progress.done, progress.seconds_left)

    def _stop(self, signal_number: int) -> None:
        """Let running groups write their checkpoints, then raise `Interrupted`."""
        self._stopping = True
        self.executor.cancel(list(self._running))
        reason = "The time limit is reached" if signal_number == TIME_OVER else "Interrupted"
        self.observer.on_notice(f"{reason}: saving checkpoints ...")
        deadline = time.monotonic() + GRACE_SECONDS
        while self._running and time.monotonic() < deadline:
            self._collect()
        self._flush()
        progress = self._progress
        raise Interrupted(signal_number, f"{progress.done} of {progress.runs} runs were trained")
