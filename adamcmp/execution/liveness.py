"""Which workers are alive, as this process observes their heartbeats."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from adamcmp.execution.heartbeats import ProcessStatus, WorkerRecord
from adamcmp.execution.queue_files import QueueState, list_queue, read_record, worker_file
from adamcmp.storage.files import Files, FileVersion
from adamcmp.storage.folder import Location, files_at

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
    _records: dict[str, WorkerRecord] = field(default_factory=dict)
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

    def is_alive(self, worker: str, state: QueueState) -> bool:
        """Return whether a worker is alive.

        Args:
            worker: The id of the worker.
            state: The queue, listed just now.
        """
        return worker in state.workers and self._record(worker, state, renew=False) is not None

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
                    f"Process {status.pid} on {status.host} has planned some of these runs, but no "
                    f"heartbeat of it has arrived. This command waits for one, at most {lease:g} "
                    f"s, and then trains these runs itself."
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
            renew: Whether to read a record that has changed. Its progress is not needed to tell
                whether the worker is alive, and with many workers, each would read all others.
        """
        version = state.workers[worker]
        seen, since = self._seen.get(worker, (None, math.inf))
        if seen != version:
            try:
                if renew or worker not in self._records:
                    name = worker_file(worker)
                    self._records[worker] = read_record(self.files, name, WorkerRecord)
            except FileNotFoundError:  # it has just ended
                return None
            if seen is not None:
                self._changed.add(worker)
            self._seen[worker] = version, time.monotonic()
            since = math.inf
        record = self._records[worker]
        # Not the present time: this process may have been frozen since it listed the queue.
        if not record.has_ended and state.listed - since < record.lease_seconds:
            return record
        with contextlib.suppress(OSError):  # without write access
            self.files.delete(worker_file(worker))
        return None


def worker_records(study: Location) -> dict[str, WorkerRecord]:
    """Return the record of each worker that is training runs of a study, by its id.

    A worker of another machine that died less than the length of its lease ago counts too.
    """
    files = files_at(study)
    return Liveness(files).living(list_queue(files))


def process_statuses(study: Location) -> list[ProcessStatus]:
    """Return the progress of each process that is training runs of a study."""
    return [record.status for record in worker_records(study).values()]
