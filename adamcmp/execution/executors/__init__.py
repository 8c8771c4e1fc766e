"""Executors run any function of an item; they know nothing of training."""

from adamcmp.execution.executors._base import Executor, Result, WorkerDied
from adamcmp.execution.executors.pool import Pool
from adamcmp.execution.executors.serial import Serial

__all__ = ["Executor", "Pool", "Result", "Serial", "WorkerDied"]
