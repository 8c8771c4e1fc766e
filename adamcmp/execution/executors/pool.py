"""Runs tasks in supervised worker processes; if a process is killed, only its task fails.

Worker processes are new interpreters. A fork would hang after torch's threads have run, and a
process that multiprocessing spawns would run the user's script again.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from adamcmp.errors import AdamcmpError, RunFailed
from adamcmp.execution.executors._base import (
    Executor,
    Handle,
    Message,
    ProgressCallback,
    Result,
    Task,
    Value,
    WorkerProcessDied,
    ignore_progress,
)

#: Seconds that `Pool.poll` waits for the first message.
POLL_SECONDS = 0.2
#: Seconds within which a worker process must have started; it takes a few tenths.
START_TIMEOUT = 120.0
#: What the interpreter of a worker process runs.
WORKER_SCRIPT = (
    "import sys; from adamcmp.execution.executors import _worker; _worker.serve(*sys.argv[1:])"
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class _WorkerProcess:
    """A worker process, and the task that it runs."""

    process: subprocess.Popen[bytes]
    connection: Connection
    handle: Handle[Any] | None = None
    task: Task[Any, Any, Any] | None = None
    ready: bool = False
    exiting: bool = False
    started: float = field(default_factory=time.monotonic)

    @property
    def idle(self) -> bool:
        """Whether it can run another task."""
        return self.handle is None and not self.exiting

    def assign(self, handle: Handle[Any], task: Task[Any, Any, Any]) -> None:
        """Send it a task to run."""
        self.handle, self.task = handle, task
        # `poll` notices a worker that has just died.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            # The task may hold objects of a user's class, which the import of the class may have
            # found in a folder that this process searches since then.
            self.connection.send(_import_folders())
            self.connection.send(task)


class Pool(Executor):
    """Worker processes, started at once.

    Args:
        workers: Number of worker processes.
        threads: Threads that each process's libraries may use.
        warm_up: A module-level function that each worker calls as it starts, such as one that
            imports what tasks need.
    """

    def __init__(
        self, workers: int, threads: int, warm_up: Callable[[], None] | None = None
    ) -> None:
        self._slots, self._warm_up = workers, warm_up
        self._environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(_import_folders()),
            **dict.fromkeys(
                ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)
            ),
        }
        self._numbers = itertools.count()
        self._waiting: deque[tuple[Handle[Any], Task[Any, Any, Any]]] = deque()
        #: Errors that the next `poll` raises, after this one has returned its results.
        self._errors: deque[AdamcmpError] = deque()
        self._workers = [self._start() for _ in range(workers)]

    @property
    def slots(self) -> int:
        """See `Executor.slots`."""
        return self._slots

    @property
    def process_ids(self) -> list[int]:
        """The ids of the worker processes."""
        return [worker.process.pid for worker in self._workers]

    def submit(self, tasks: Sequence[Task[Any, Any, Value]]) -> list[Handle[Value]]:
        """See `Executor.submit`."""
        handles = [Handle[Value](str(next(self._numbers))) for _ in tasks]
        self._waiting += zip(handles, tasks, strict=True)
        self._assign()
        return handles

    def poll(
        self,
        on_progress: ProgressCallback[Value, Message] = ignore_progress,
        timeout: float = POLL_SECONDS,
    ) -> list[Result[Value]]:
        """See `Executor.poll`.

        Args:
            on_progress: Called with each message that has arrived.
            timeout: Maximum seconds to wait for the first message.

        Raises:
            AdamcmpError: If a task's function raised it; results that arrived first are returned
                first.
            RunFailed: If a worker process cannot be started.
        """
        if self._errors:
            raise self._errors.popleft()
        results = []
        for connection in wait([worker.connection for worker in self._workers], timeout=timeout):
            (worker,) = (w for w in self._workers if w.connection is connection)
            try:
                results += self._receive(worker, on_progress)
            except (EOFError, ConnectionResetError, pickle.UnpicklingError):
                results += self._remove_dead(worker)
        for worker in self._workers:
            if not worker.ready and time.monotonic() - worker.started > START_TIMEOUT:
                self._errors.append(_not_started(f"did not start in {START_TIMEOUT:g} s"))
        self._assign()
        return results

    def _receive(
        self, worker: _WorkerProcess, on_progress: ProgressCallback[Any, Any]
    ) -> list[Result[Any]]:
        """Handle one message of a worker; return the task's result if the message holds it."""
        event, value = worker.connection.recv()
        handle = worker.handle
        if event == "ready":
            worker.ready = True
        elif event == "exiting":
            worker.exiting = True
        elif event == "progress" and handle is not None:
            on_progress(handle, value)
        elif event == "refused":
            self._errors.append(value)
            worker.handle = worker.task = None
        elif event == "done" and handle is not None:
            worker.handle = worker.task = None
            return [Result(handle, value)]
        return []

    def cancel(self, handles: Collection[Handle[Any]]) -> None:
        """See `Executor.cancel`."""
        cancelled = set(handles)
        self._waiting = deque(pair for pair in self._waiting if pair[0] not in cancelled)
        for worker in self._workers:
            if worker.handle in cancelled:
                worker.process.terminate()

    def close(self) -> None:
        """See `Executor.close`."""
        for worker in self._workers:
            worker.connection.close()
            worker.process.kill()
            worker.process.wait()
        self._workers = []

    def _assign(self) -> None:
        """Assign waiting tasks to idle workers; replace workers that have died."""
        while self._waiting:
            worker = next((worker for worker in self._workers if worker.idle), None)
            if worker is None:
                if len(self._workers) >= self._slots:
                    return
                worker = self._start()
                self._workers.append(worker)
            worker.assign(*self._waiting.popleft())

    def _start(self) -> _WorkerProcess:
        ours, theirs = Pipe()
        # Signals stay pending until the worker has installed its handlers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            with theirs:
                process = subprocess.Popen(
                    # -P: modules in the working directory replace no others, unless they do so in
                    # this process too.
                    [sys.executable, "-P", "-c", WORKER_SCRIPT, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    # What a user's model prints must not mix with what a command prints.
                    stdout=subprocess.DEVNULL if sys.__stderr__ is None else 2,
                )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        worker = _WorkerProcess(process, ours)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # noticed by `poll`
            worker.connection.send(self._warm_up)
        return worker

    def _remove_dead(self, worker: _WorkerProcess) -> list[Result[Any]]:
        """Remove a worker that died; return the result of the task that it ran, if any."""
        worker.connection.close()
        code = worker.process.wait()
        self._workers.remove(worker)
        if code > 0 and not worker.ready:
            self._errors.append(_not_started(f"ended with exit code {code} while starting"))
            return []
        if worker.handle is None or worker.task is None:
            return []
        if worker.exiting:  # it exited before it read the task
            self._waiting.appendleft((worker.handle, worker.task))
            return []
        reason = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return [Result(worker.handle, WorkerProcessDied(f"The worker process {reason}."))]


def _import_folders() -> list[str]:
    """Return where this process imports from; an empty entry is the working directory."""
    return [path or str(Path.cwd()) for path in sys.path]


def _not_started(event: str) -> RunFailed:
    return RunFailed(
        f"A worker process {event}; its output is above. workers=0 trains without worker processes."
    )
