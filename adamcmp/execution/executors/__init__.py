"""Executors run picklable tasks on this machine; they know nothing of training.

Each executor is one module. Its name is a value of the setting ``executor=``, whose settings are a
module of `adamcmp.components.executors`.
"""

import importlib
import inspect
from collections.abc import Callable

from adamcmp.execution.executors._base import (
    Executor,
    Handle,
    ProgressCallback,
    Result,
    Task,
    TaskFunction,
    WorkerDied,
)
from adamcmp.execution.executors.pool import Pool
from adamcmp.execution.executors.serial import Serial

__all__ = [
    "Executor",
    "ExecutorWithWorkers",
    "Handle",
    "Pool",
    "ProgressCallback",
    "Result",
    "Serial",
    "Task",
    "TaskFunction",
    "WorkerDied",
    "executor_with_workers",
]

#: Starts an executor, given the number of tasks to run at once, the threads of each worker process,
#: and a module-level function that each worker process calls as it starts.
ExecutorWithWorkers = Callable[[int, int, Callable[[], None]], Executor]


def executor_with_workers(name: str) -> ExecutorWithWorkers:
    """Return the executor of a value of ``executor=`` other than ``serial``.

    It is the class that the module of this name defines.
    """
    module = importlib.import_module(f"{__name__}.{name}")
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    (executor,) = (
        cls for cls in classes if issubclass(cls, Executor) and cls.__module__ == module.__name__
    )
    return executor
