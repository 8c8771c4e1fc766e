"""Executors run any function of an item; they know nothing of training."""

from adamcmp.executors._base import Executor, Lost, Result
from adamcmp.executors.pool import Pool
from adamcmp.executors.serial import Serial

__all__ = ["Executor", "Lost", "Pool", "Result", "Serial"]
