"""Reservations of runs by processes, so that no run is trained by two processes at once.

A process holds the lock of its reservation while it trains; the operating system releases the lock
however the process ends. Files next to the lock hold the reserved runs and the progress.

Reservations are not behind `adamcmp.storage.files.Files`, since they rest on the operating system.
Another implementation has to provide

- a lock per process that is freed however the process ends, such as a lease that it renews;
- a lock that one process at a time holds while it reads the reservations and adds its own;
- a record of each process, its runs and its progress, that others list, read and, once the lock of
  the process is free, remove.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from adamcmp.errors import StoreError
from adamcmp.platform.files import storage_errors, write_atomically

#: The folder of a study's reservations. Its name is part of the format on disk.
FOLDER = "claims"


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
class Reservation:
    """The runs that only this process trains.

    Attributes:
        run_ids: The runs.
        reserved_by_others: The other requested runs, with the process that trains each.
        only_process: Whether no other process was training runs of the study when this one
            reserved its runs.
        status_file: The file with the progress of this process, which other processes read.
    """

    run_ids: frozenset[str]
    reserved_by_others: dict[str, ProcessStatus]
    only_process: bool
    status_file: Path

    def publish(self, runs: int, done: int, seconds_left: float | None) -> None:
        """Write the progress of this process to its status file.

        Raises:
            StoreError: If the folder cannot be written.
        """
        study = self.status_file.parent.parent
        if not study.is_dir():
            raise StoreError(f"{study} does not exist. Was it moved while runs were trained?")
        status = ProcessStatus(os.getpid(), socket.gethostname(), runs, done, seconds_left)
        with storage_errors(self.status_file.parent):
            write_atomically(self.status_file, json.dumps(asdict(status)).encode())


@contextlib.contextmanager
def reserve(study: Path, run_ids: Collection[str]) -> Iterator[Reservation]:
    """Reserve the runs that no other process has reserved.

    Args:
        study: The study's folder.
        run_ids: The runs.

    Raises:
        StoreError: If the folder cannot be written.
    """
    folder = study / FOLDER
    file = folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
    lock = FileLock(file.with_suffix(".lock"))
    requested = frozenset(run_ids)
    with storage_errors(study):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with storage_errors(study), FileLock(folder / ".lock"):
            active = _active(folder)
            others = {
                run: status for status, runs in active for run in requested.intersection(runs)
            }
            lock.acquire()
            reservation = Reservation(requested - set(others), others, not active, file)
            reservation.publish(len(reservation.run_ids), 0, None)
            runs = json.dumps(sorted(reservation.run_ids))
            write_atomically(file.with_suffix(".runs"), runs.encode())
        yield reservation
    finally:
        # If files cannot be removed now, the next process removes them.
        with contextlib.suppress(OSError):
            _remove(file)
        lock.release()
        with contextlib.suppress(OSError):
            file.with_suffix(".lock").unlink(missing_ok=True)


def process_statuses(study: Path) -> list[ProcessStatus]:
    """Return the progress of each process that is training runs of a study.

    The files of processes that have died are removed.
    """
    folder = study / FOLDER
    # Without write access, no lock can be tried.
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return []
    with FileLock(folder / ".lock"):
        return [status for status, _ in _active(folder)]


def _active(folder: Path) -> list[tuple[ProcessStatus, list[str]]]:
    """Return the live processes and the runs they reserved; remove the files of dead ones."""
    active = []
    for runs in sorted(folder.glob("*.runs")):
        lock = FileLock(runs.with_suffix(".lock"))
        try:
            with lock.acquire(timeout=0):
                _remove(runs.with_suffix(".json"))
            runs.with_suffix(".lock").unlink(missing_ok=True)
        except Timeout:
            with contextlib.suppress(FileNotFoundError):  # the process has just ended
                status = ProcessStatus(**json.loads(runs.with_suffix(".json").read_text()))
                active.append((status, json.loads(runs.read_text())))
    if not active:
        _remove_incomplete(folder)
    return active


def _remove_incomplete(folder: Path) -> None:
    """Remove the files of processes that were killed while they reserved or published."""
    for path in folder.iterdir():
        if path.name != ".lock":
            path.unlink(missing_ok=True)


def _remove(file: Path) -> None:
    for suffix in (".json", ".runs"):
        file.with_suffix(suffix).unlink(missing_ok=True)
