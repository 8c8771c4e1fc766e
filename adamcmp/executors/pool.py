"""A process a worker, supervised by us: one that is killed is one item's loss.

Workers are new interpreters, neither forked (a fork after torch's threads have run hangs) nor
spawned by multiprocessing (which runs the user's own script again).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from adamcmp.errors import AdamcmpError
from adamcmp.executors._base import Executor, Lost, Result, named

#: Seconds to wait for a message before the caller is given a chance to do something else.
_MOMENT = 0.2
_START = "import sys; from adamcmp.executors.pool import work; work(int(sys.argv[1]))"


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    item: Any = None
    busy: bool = False


class Pool(Executor):
    """Worker processes, started at once.

    Args:
        workers: How many.
        threads: Threads that each worker's libraries may use.
        progress: Called with an item and what its function reported.
    """

    def __init__(self, workers: int, threads: int, progress: Callable[[Any, Any], None]) -> None:
        self._progress = progress
        self._environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
            **dict.fromkeys(
                ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)
            ),
        }
        self._workers = [self._start() for _ in range(workers)]
        self._stopping = False

    @property
    def workers(self) -> int:
        """See `Executor.workers`."""
        return len(self._workers)

    @property
    def busy(self) -> int:
        """See `Executor.busy`."""
        return sum(worker.busy for worker in self._workers)

    def submit(self, function: str, item: Any) -> None:
        """See `Executor.submit`."""
        worker = next(worker for worker in self._workers if not worker.busy)
        worker.item, worker.busy = item, True
        # A worker that has just died is found by `wait`.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            worker.connection.send((function, item))

    def wait(self) -> list[Result]:
        """See `Executor.wait`."""
        results = []
        for ready in wait([worker.connection for worker in self._workers], timeout=_MOMENT):
            (worker,) = (w for w in self._workers if w.connection is ready)
            try:
                kind, value = worker.connection.recv()
            except (EOFError, ConnectionResetError, pickle.UnpicklingError):
                results += self._lost(worker)
                continue
            if kind == "progress":
                self._progress(worker.item, value)
                continue
            worker.busy = False
            if kind == "refused":
                raise value
            results.append(Result(worker.item, value))
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
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=self._environment,
                stdin=subprocess.DEVNULL,
            )
        return _Worker(process, Connection(ours.detach()))

    def _lost(self, worker: _Worker) -> list[Result]:
        """Replace a worker that died; return what it was busy with."""
        worker.connection.close()
        code = worker.process.wait()
        place = self._workers.index(worker)
        if self._stopping:
            del self._workers[place]
        else:
            self._workers[place] = self._start()
        if not worker.busy:
            if code and not self._stopping:
                raise RuntimeError(f"A worker process ended with exit code {code} as it started.")
            return []
        reason = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return [Result(worker.item, Lost(f"The worker process was {reason}."))]


def work(descriptor: int) -> None:
    """Serve one pool until it closes the connection; a worker process runs this."""
    stopping = False

    def stop(number: int, frame: Any) -> None:
        nonlocal stopping
        stopping = True

    # Ctrl-C reaches the whole group of processes; what it means is told by the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    connection = Connection(descriptor)
    # The parent may be gone at any moment; then there is nobody to work for.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while not stopping:
            if not connection.poll(_MOMENT):
                continue
            function, item = connection.recv()
            try:
                value = named(function)(
                    item,
                    lambda message: connection.send(("progress", message)),
                    lambda: stopping,
                )
            except AdamcmpError as error:
                connection.send(("refused", error))
            else:
                connection.send(("done", value))
