"""Which workers are alive, as this process observes their heartbeats."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from adamcmp.execution.heartbeats import ProcessStatus, WorkerRecord, is_of_this_host
from adamcmp.execution.queue_files import QueueState, list_queue, read_record, worker_file
from adamcmp.storage.files import Files, FileVersion
from adamcmp.storage.locations import Location, files_at

#: Seconds between two looks for a heartbeat.
POLL_SECONDS = 0.5
#: Seconds without a heartbeat after which a notice says what the command waits for.
NOTICE_SECONDS = 5.0


@dataclass
class Liveness:
    """Watches the heartbeats of the workers of a study.

    A worker is dead if its heartbeat file does not exist, if it was a process of this machine that
    does not exist any more, or if this object has seen the same version of its file for the length
    of its lease. The heartbeat files of dead workers are removed. A frozen one that wakes writes
    its file again.

    Attributes:
        files: The study's files.
    """

    files: Files
    #: The record of each worker, and the version of the file that it was read from.
    _records: dict[str, tuple[FileVersion, WorkerRecord]] = field(default_factory=dict)
    #: The version of each heartbeat file, and when this process first saw it.
    _seen: dict[str, tuple[FileVersion, float]] = field(default_factory=dict)
    #: The workers of which several versions were seen.
    _changed: set[str] = field(default_factory=set)

    def living(self, state: QueueState) -> dict[str, WorkerRecord]:
        """Return the record of each worker that is alive, by its id.

        Args:
            state: The queue, listed just now.
        """
        records = {worker: self._record(worker, state) for worker in state.workers}
        return {worker: record for worker, record in records.items() if record is not None}

    def is_alive(self, worker: str, state: QueueState, lease_seconds: float) -> bool:
        """Return whether a worker is alive.

        The record of a worker on another host is not read: with many workers, each would read all
        others.

        Args:
            worker: The id of the worker.
            state: The queue, listed just now.
            lease_seconds: The length of its leases, or more.
        """
        if worker not in state.workers:
            return False
        if is_of_this_host(worker):
            return self._record(worker, state, renew=False) is not None
        # Not the present time: this process may have been frozen since it listed the queue.
        if state.listed - self._unchanged_since(worker, state) < lease_seconds:
            return True
        self._remove(worker)
        return False

    def await_heartbeats(
        self,
        workers: Collection[str],
        interrupted: Callable[[], int | None],
        on_notice: Callable[[str], None],
    ) -> None:
        """Wait until it is certain which workers are alive: until the next heartbeat of each.

        Workers of this machine are alive if their process exists, without waiting.

        Args:
            workers: The ids of the workers.
            interrupted: Returns the signal that has arrived, if any, which ends the wait.
            on_notice: Called with a message to the user, if waiting takes long.
        """
        begin, noticed = time.monotonic(), False
        while uncertain := self._uncertain(workers):
            if interrupted():
                return
            if not noticed and time.monotonic() - begin > NOTICE_SECONDS:
                noticed = True
                status, lease = uncertain[0].status, uncertain[0].lease_seconds
                on_notice(
                    f"Process {status.pid} on {status.host} has an open plan in this study, but no "
                    f"new heartbeat of it has arrived. This command waits for one, at most "
                    f"{lease:g} s. Then it counts the process as dead and removes its plan."
                )
            time.sleep(POLL_SECONDS)

    def _uncertain(self, workers: Collection[str]) -> list[WorkerRecord]:
        living = self.living(list_queue(self.files))
        return [
            record
            for worker, record in living.items()
            if worker in workers and not record.is_local and worker not in self._changed
        ]

    def _record(self, worker: str, state: QueueState, renew: bool = True) -> WorkerRecord | None:
        """Return the record of a worker; None if it is dead.

        Args:
            worker: The id of the worker.
            state: The queue, listed just now.
            renew: Whether to read a record that has changed, for its progress.
        """
        since, version = self._unchanged_since(worker, state), state.workers[worker]
        read, record = self._records.get(worker, (None, None))
        if record is None or (renew and read != version):
            try:
                record = read_record(self.files, worker_file(worker), WorkerRecord)
            except FileNotFoundError:  # it has just ended
                return None
            self._records[worker] = version, record
        if not record.has_ended and state.listed - since < record.lease_seconds:
            return record
        self._remove(worker)
        return None

    def _unchanged_since(self, worker: str, state: QueueState) -> float:
        """Return when this process first saw a heartbeat file as it is; infinity if only now."""
        version = state.workers[worker]
        seen, since = self._seen.get(worker, (None, math.inf))
        if seen == version:
            return since
        if seen is not None:
            self._changed.add(worker)
        self._seen[worker] = version, time.monotonic()
        return math.inf

    def _remove(self, worker: str) -> None:
        with contextlib.suppress(OSError):  # without write access
            self.files.delete(worker_file(worker))


def worker_records(study: Location) -> dict[str, WorkerRecord]:
    """Return the record of each worker that is training runs of a study, by its id.

    A worker of another machine that died less than the length of its lease ago counts too.
    """
    files = files_at(study)
    return Liveness(files).living(list_queue(files))


def process_statuses(study: Location) -> list[ProcessStatus]:
    """Return the progress of each process that is training runs of a study."""
    return [record.status for record in worker_records(study).values()]
