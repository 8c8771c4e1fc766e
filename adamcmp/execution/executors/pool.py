"""A process a worker, supervised by us: one that is killed is one item's loss.

Workers are new interpreters, neither forked (a fork after torch's threads have run hangs) nor
spawned by multiprocessing (which runs the user's own script again).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from adamcmp.errors import AdamcmpError, RunFailed, WorkerUnusable
from adamcmp.execution.executors._base import Executor, ProgressCallback, Result, WorkerDied, named

#: Seconds to wait for a message before the caller is given a chance to do something else.
_MOMENT = 0.2
#: Seconds between two reports of a worker's progress; those in between are dropped.
_REPORT_EVERY = 0.1
#: Seconds in which a worker process must have started; it takes some tenths.
START_TIMEOUT = 120.0
_START = (
    "import sys; from adamcmp.execution.executors.pool import work; "
    "work(int(sys.argv[1]), sys.argv[2])"
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    function: str = ""
    item: Any = None
    progress: ProgressCallback = lambda item, message: None
    busy: bool = False
    ready: bool = False
    leaving: bool = False
    error: AdamcmpError | None = None
    since: float = field(default_factory=time.monotonic)

    def give(self, function: str, item: Any, progress: ProgressCallback) -> None:
        """Have it run a function."""
        self.function, self.item, self.progress, self.busy = function, item, progress, True
        # A worker that has just died is found by `wait`.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send((function, item))

    def failed(self, error: AdamcmpError) -> None:
        """Keep it busy until the next `wait` raises an error: what others did goes first."""
        self.error, self.busy = error, True

    def raise_error(self) -> None:
        """Raise what `failed` kept, if anything."""
        if self.error is not None:
            error, self.error, self.busy = self.error, None, False
            raise error


class Pool(Executor):
    """Worker processes, started at once.

    Args:
        workers: How many.
        threads: Threads that each worker's libraries may use.
        preload: A module that workers import as they start, before they are asked for anything.
    """

    def __init__(self, workers: int, threads: int, preload: str = "") -> None:
        self._preload = preload
        self._environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
            **dict.fromkeys(
                ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)
            ),
        }
        self._stopping = False
        self._workers = [self._start() for _ in range(workers)]

    @property
    def workers(self) -> int:
        """See `Executor.workers`."""
        return len(self._workers)

    @property
    def busy(self) -> int:
        """See `Executor.busy`."""
        return sum(worker.busy for worker in self._workers)

    def submit(self, function: str, item: Any, progress: ProgressCallback) -> None:
        """See `Executor.submit`."""
        worker = next(worker for worker in self._workers if not worker.busy)
        worker.give(function, item, progress)

    def wait(self, timeout: float = _MOMENT) -> list[Result]:
        """See `Executor.wait`.

        Args:
            timeout: Seconds to wait for the first message at most.

        Raises:
            RunFailed: When a worker process cannot be started.
        """
        for worker in self._workers:
            worker.raise_error()
        results = []
        for ready in wait([worker.connection for worker in self._workers], timeout=timeout):
            (worker,) = (w for w in self._workers if w.connection is ready)
            try:
                kind, value = worker.connection.recv()
            except (EOFError, ConnectionResetError, pickle.UnpicklingError):
                results += self._lost(worker)
                continue
            if kind == "ready":
                worker.ready = True
            elif kind == "leaving":
                worker.leaving = True
            elif kind == "progress":
                worker.progress(worker.item, value)
            elif kind == "refused":
                worker.failed(value)
            else:
                worker.busy = False
                results.append(Result(worker.item, value))
        for worker in self._workers:
            if not worker.ready and time.monotonic() - worker.since > START_TIMEOUT:
                worker.failed(_not_started(f"did not start in {START_TIMEOUT:g} s"))
        return results

    def stop(self) -> None:
        """See `Executor.stop`."""
        self._stopping = True
        for worker in self._workers:
            worker.process.terminate()

    def close(self) -> None:
        """See `Executor.close`."""
        for worker in self._workers:
            worker.connection.close()
            worker.process.kill()
            worker.process.wait()

    def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        # Signals that come before the worker has its handlers wait until it has.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-c", _START, str(theirs.fileno()), self._preload],
                    pass_fds=[theirs.fileno()],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    # What the user's own code prints is no part of what a command prints.
                    stdout=subprocess.DEVNULL if sys.__stderr__ is None else 2,
                )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return _Worker(process, Connection(ours.detach()))

    def _lost(self, worker: _Worker) -> list[Result]:
        """Replace a worker that died; return what it was busy with."""
        worker.connection.close()
        code = worker.process.wait()
        place = self._workers.index(worker)
        if self._stopping:
            del self._workers[place]
        elif code > 0 and not worker.ready:
            worker.failed(_not_started(f"ended with exit code {code} as it started"))
            return []
        else:
            self._workers[place] = self._start()
            if worker.busy and worker.leaving:  # it left before it read what it was given
                self._workers[place].give(worker.function, worker.item, worker.progress)
                return []
        if not worker.busy:
            return []
        reason = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return [Result(worker.item, WorkerDied(f"The worker process {reason}."))]


def _not_started(what: str) -> RunFailed:
    return RunFailed(
        f"A worker process {what}; what it printed is above. workers=0 trains without them."
    )


def work(descriptor: int, preload: str = "") -> None:
    """Serve one pool until it closes the connection; a worker process runs this."""
    stopping = False

    def stop(number: int, frame: Any) -> None:
        nonlocal stopping
        stopping = True

    # Ctrl-C and a closed terminal reach all processes; what they mean is told by the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    connection = Connection(descriptor)
    # The parent may be gone at any moment; then there is nobody to work for.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(("ready", None))
        with contextlib.suppress(ImportError):  # what needs it says so
            importlib.import_module(preload or "adamcmp")
        while not stopping:
            if not connection.poll(_MOMENT):
                continue
            function, item = connection.recv()
            try:
                value = named(function)(item, _reporter(connection), lambda: stopping)
            except AdamcmpError as error:
                connection.send(("refused", error))
            except WorkerUnusable as ruined:
                connection.send(("leaving", None))  # another takes the place
                connection.send(("done", ruined.value))
                return
            else:
                connection.send(("done", value))
        connection.send(("leaving", None))


def _reporter(connection: Connection) -> Callable[[Any], None]:
    """Return what a function reports its progress with: a few messages a second pass."""
    sent = 0.0

    def report(message: Any) -> None:
        nonlocal sent
        if time.monotonic() - sent < _REPORT_EVERY:
            return
        sent = time.monotonic()
        try:
            connection.send(("progress", message))
        except (BrokenPipeError, ConnectionResetError):
            raise SystemExit from None  # not an Exception, which would be taken for a crash

    return report
