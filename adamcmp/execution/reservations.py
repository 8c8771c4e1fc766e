"""Which process is training which runs of a study, so that no run is trained twice at once.

A process that trains holds the lock of its claim file, which the system frees however it ends;
beside it lie the runs it has claimed and how far it is.
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

from adamcmp.platform.files import storage_errors, write_atomically


@dataclass(frozen=True)
class ProcessStatus:
    """How far a process is.

    Attributes:
        pid: Its number.
        host: Its machine.
        runs: Runs that it trains in all.
        done: Runs of these that have ended.
        seconds_left: An estimate; None before there is one.
    """

    pid: int
    host: str
    runs: int
    done: int = 0
    seconds_left: float | None = None


class Reservation:
    """The runs that this process may train.

    Attributes:
        run_ids: The runs.
        others: What other processes are training of those wanted, by run.
        alone: Whether no other process trained runs of the study when this one began.
    """

    def __init__(
        self, file: Path, run_ids: frozenset[str], others: dict[str, ProcessStatus], alone: bool
    ) -> None:
        self._file = file
        self.run_ids, self.others, self.alone = run_ids, others, alone

    def tell(self, runs: int, done: int, seconds_left: float | None) -> None:
        """Let others know how far this process is.

        Raises:
            StoreError: When the folder cannot be written.
        """
        standing = ProcessStatus(os.getpid(), socket.gethostname(), runs, done, seconds_left)
        with storage_errors(self._file.parent):
            write_atomically(self._file, json.dumps(asdict(standing)).encode())


@contextlib.contextmanager
def claim(study: Path, wanted: Collection[str]) -> Iterator[Reservation]:
    """Reservation those of the wanted runs that no other process is training.

    Args:
        study: The study's folder.
        wanted: Ids of runs.

    Raises:
        StoreError: When the folder cannot be written.
    """
    folder = study / "claims"
    name = f"{os.getpid()}-{secrets.token_hex(4)}"
    file = folder / f"{name}.json"
    lock = FileLock(file.with_suffix(".lock"))
    asked = frozenset(wanted)
    with storage_errors(study):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with storage_errors(study), FileLock(folder / ".lock"):
            held = _held(folder)
            if not held:
                _clear(folder)
            others = {run: s for s, runs in held for run in asked.intersection(runs)}
            lock.acquire()
            found = Reservation(file, asked - set(others), others, alone=not held)
            found.tell(len(found.run_ids), 0, None)
            runs = json.dumps(sorted(found.run_ids))
            write_atomically(file.with_suffix(".runs"), runs.encode())
        yield found
    finally:
        # Where nothing can be written nothing was; what stays, the next process clears.
        with contextlib.suppress(OSError):
            _remove(file)
        lock.release()
        with contextlib.suppress(OSError):
            file.with_suffix(".lock").unlink(missing_ok=True)


def process_statuses(study: Path) -> list[ProcessStatus]:
    """Return how far each process is that trains runs of a study now.

    What dead processes have left of their claims is removed on the way.
    """
    folder = study / "claims"
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return []
    with FileLock(folder / ".lock"):
        held = _held(folder)
        if not held:
            _clear(folder)
        return [standing for standing, _ in held]


def _held(folder: Path) -> list[tuple[ProcessStatus, list[str]]]:
    """Return what live processes have claimed; what dead ones left is removed."""
    held = []
    for runs in sorted(folder.glob("*.runs")):
        lock = FileLock(runs.with_suffix(".lock"))
        try:
            with lock.acquire(timeout=0):
                _remove(runs.with_suffix(".json"))
            runs.with_suffix(".lock").unlink(missing_ok=True)
        except Timeout:
            with contextlib.suppress(FileNotFoundError):  # it ends at this moment
                standing = ProcessStatus(**json.loads(runs.with_suffix(".json").read_text()))
                held.append((standing, json.loads(runs.read_text())))
    return held


def _clear(folder: Path) -> None:
    """Remove what is left of processes that were killed as they claimed or told."""
    for path in folder.iterdir():
        if path.name != ".lock":
            path.unlink(missing_ok=True)


def _remove(file: Path) -> None:
    for suffix in (".json", ".runs"):
        file.with_suffix(suffix).unlink(missing_ok=True)
