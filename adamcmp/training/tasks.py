"""Task functions for executors. They import torch only when they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adamcmp.planning.grouping import TrainTask
    from adamcmp.planning.specs import RunSpec
    from adamcmp.planning.timings import Timings
    from adamcmp.training.outcome import Outcome, TrainingProgress


def train_task(
    task: TrainTask, report: Callable[[TrainingProgress], None], should_stop: Callable[[], bool]
) -> Outcome:
    """Train a group of lanes, resuming from its checkpoint if there is one.

    See `adamcmp.training.train.train_task`.
    """
    from adamcmp.training.train import train_task

    return train_task(task, report, should_stop)


def autotune(
    item: tuple[RunSpec, bool], report: Callable[[Any], None], should_stop: Callable[[], bool]
) -> Timings | None:
    """Check that a run can be trained and, if requested, measure its speed at several widths.

    See `adamcmp.training.autotune.autotune`.
    """
    from adamcmp.training.autotune import autotune

    return autotune(item, report, should_stop)


def warm_up() -> None:
    """Import the modules that training needs before a worker's first task."""
    import adamcmp.training.train  # noqa: F401
