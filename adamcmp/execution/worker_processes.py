"""The executor of a command, which is started when first needed and serves all of its batches."""

from __future__ import annotations

from typing import Self

from adamcmp.config import Execution, Numerics
from adamcmp.execution.executors import Executor, Serial, executor_with_workers
from adamcmp.execution.signals import InterruptedBy
from adamcmp.platform.cache import cache_folder
from adamcmp.platform.provenance import available_cores
from adamcmp.training import tasks


class WorkerProcesses:
    """The worker processes of a command: a context manager that ends them when it exits."""

    def __init__(self) -> None:
        self._started: Executor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def executor(
        self, execution: Execution, numerics: Numerics, runs: int, interrupted: InterruptedBy
    ) -> Executor:
        """Return an executor for some runs; by default a single run is trained in this process.

        Args:
            execution: The executor and the requested number of worker processes.
            numerics: The device, and the threads of each worker process.
            runs: The number of runs to train.
            interrupted: Returns the signal that has arrived, if any.
        """
        count = min(process_count(execution, numerics), runs)
        single = runs == 1 and self._started is None and execution.executor is None
        if count == 0 or single:
            return Serial(interrupted)
        if self._started is None or self._started.slots < count:
            self._close()
            cache_folder()  # chosen before the processes start, so that all use the same folder
            start = executor_with_workers(execution.executor_name or "pool")
            self._started = start(count, numerics.threads or 1, tasks.warm_up)
        return self._started

    def _close(self) -> None:
        if self._started is not None:
            self._started.close()


def process_count(execution: Execution, numerics: Numerics) -> int:
    """Return the number of worker processes; 0 means to train in this process."""
    if execution.executor_name == "serial":
        return 0
    if execution.workers is not None:
        return execution.workers
    if numerics.device == "cuda":
        return 1
    return max(available_cores() // (numerics.threads or 1), 1)
