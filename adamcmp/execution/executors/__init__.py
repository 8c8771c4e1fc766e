"""Executors run picklable tasks on this machine; they know nothing of training.

Each executor is one module. Its name is a value of the setting ``executor=``, whose settings are a
module of `adamcmp.components.executors`.
"""

from collections.abc import Callable
from typing import cast

from adamcmp.components.registry import only_subclass
from adamcmp.execution.executors._base import (
    Executor,
    Handle,
    ProgressCallback,
    Result,
    Task,
    TaskFunction,
    WorkerProcessDied,
)
from adamcmp.execution.executors.pool import Pool
from adamcmp.execution.executors.serial import Serial

__all__ = [
    "Executor",
    "Handle",
    "Pool",
    "ProgressCallback",
    "Result",
    "Serial",
    "Task",
    "TaskFunction",
    "WorkerProcessDied",
    "executor_with_workers",
]

#: Starts an executor, given the number of tasks to run at once, the threads of each worker process,
#: and a module-level function that each worker process calls as it starts.
_ExecutorWithWorkers = Callable[[int, int, Callable[[], None]], Executor]


def executor_with_workers(name: str) -> _ExecutorWithWorkers:
    """Return the executor of a value of ``executor=`` other than ``serial``.

    It is the class that the module of this name defines.
    """
    # The constructor of each of these executors has the arguments of `Pool`.
    return cast(_ExecutorWithWorkers, only_subclass(f"{__name__}.{name}", Executor))
