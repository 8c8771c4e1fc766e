"""Heartbeats: the record with which a process that trains shows others that it is alive.

Each process that trains runs of a study keeps a file in the study's folder ``queue`` and rewrites
it at intervals. Other processes watch the file's version with their own monotonic clock, so clocks
that differ between machines do not matter. A process whose file has not changed for the length of
its lease is considered dead. On the same machine, a process that does not exist any more is dead
at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
from dataclasses import asdict, dataclass, replace
from typing import Self

from adamcmp.execution.queue_files import worker_file
from adamcmp.platform.files import storage_errors
from adamcmp.platform.processes import machine, process_start
from adamcmp.storage.files import Files

#: A lease is renewed this many times within its length.
RENEWALS = 3
#: Maximum seconds between two updates of the progress of a command's own process.
PROGRESS_SECONDS = 2.0


@dataclass(frozen=True)
class ProcessStatus:
    """The progress of a process that trains runs of a study.

    Attributes:
        pid: The process id.
        host: The machine's name.
        runs: Number of runs that it trains.
        done: Number of these that have ended.
        seconds_left: Estimated seconds until all have ended; None while no estimate exists.
    """

    pid: int
    host: str
    runs: int
    done: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True)
class WorkerRecord:
    """The content of a heartbeat file.

    Attributes:
        status: The progress of the process.
        lease_seconds: The length of its leases.
        started: When the process started, as `process_start` returns it.
        machine: The machine or container, as `machine` returns it.
        hardware: The device that computes.
        heartbeats: How often the file was written.
    """

    status: ProcessStatus
    lease_seconds: float
    started: str | None = None
    machine: str = ""
    hardware: str = ""
    heartbeats: int = 0

    @property
    def is_local(self) -> bool:
        """Whether it is a process of this machine."""
        return self.machine == machine()

    @property
    def has_ended(self) -> bool:
        """Whether it was a process of this machine that does not exist any more."""
        return self.is_local and process_start(self.status.pid) != self.started

    def encode(self) -> bytes:
        """Return the record as JSON."""
        return json.dumps(asdict(self)).encode()


def worker_id() -> str:
    """Return an id for a worker in this process, which begins with the name of the host."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def is_of_this_host(worker: str) -> bool:
    """Return whether the id of a worker has the name of this host."""
    return worker.rsplit("-", 2)[0] == socket.gethostname()


class Heartbeat:
    """Writes the heartbeat file of this process: a context manager that removes it at its end.

    Args:
        files: The study's files.
        lease_seconds: See `WorkerRecord`.
        interval: Seconds between two heartbeats.
        hardware: See `WorkerRecord`.
        runs: Number of runs that it trains, if it is known yet.

    Attributes:
        interval: Seconds between two heartbeats.
        worker: The id of this process among those that train runs of the study.
    """

    def __init__(
        self,
        files: Files,
        lease_seconds: float,
        interval: float,
        hardware: str = "",
        runs: int = 0,
    ) -> None:
        pid = os.getpid()
        self.worker = worker_id()
        self._files, self.interval = files, interval
        status = ProcessStatus(pid, socket.gethostname(), runs)
        self._record = WorkerRecord(status, lease_seconds, process_start(pid), machine(), hardware)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._renew, name="adamcmp-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        with storage_errors(self._files.path):
            self._write()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        # If the file cannot be removed now, the next process removes it.
        with contextlib.suppress(OSError):
            self._files.delete(worker_file(self.worker))

    def publish(self, runs: int, done: int, seconds_left: float | None) -> None:
        """Set the progress that the next heartbeat publishes.

        If the number of runs changes, a heartbeat is written at once.
        """
        before = self._record.status
        with self._lock:
            status = replace(before, runs=runs, done=done, seconds_left=seconds_left)
            self._record = replace(self._record, status=status)
        if runs != before.runs:
            self._try_to_write()

    def _renew(self) -> None:
        while not self._stop.wait(self.interval):
            self._try_to_write()

    def _try_to_write(self) -> None:
        # Without heartbeats, other workers take over the leases, which is noticed before rows are
        # stored.
        with contextlib.suppress(OSError):
            self._write()

    def _write(self) -> None:
        with self._lock:
            self._record = replace(self._record, heartbeats=self._record.heartbeats + 1)
            self._files.replace(worker_file(self.worker), self._record.encode())
