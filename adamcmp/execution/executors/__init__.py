"""Executors run picklable tasks; they know nothing of training."""

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
    "Handle",
    "Pool",
    "ProgressCallback",
    "Result",
    "Serial",
    "Task",
    "TaskFunction",
    "WorkerDied",
]
