"""Task functions for executors. They import torch only when they run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adamcmp.planning.grouping import LaneGroup
    from adamcmp.planning.specs import RunSpec
    from adamcmp.planning.timings import Timings
    from adamcmp.storage.checkpoints import Checkpointing
    from adamcmp.training.outcome import Outcome, TrainingProgress


@dataclass(frozen=True)
class Checked:
    """The result of checking a run.

    Attributes:
        notices: What the user should know about the schedule, the initial weights and the data.
        timings: The speed of the run; None if it was not measured.
    """

    notices: tuple[str, ...] = ()
    timings: Timings | None = None


def train_task(
    argument: tuple[LaneGroup, Checkpointing],
    report: Callable[[TrainingProgress], None],
    should_stop: Callable[[], bool],
) -> Outcome:
    """Train a group of lanes, resuming from its checkpoint if there is one.

    Args:
        argument: The group, and its checkpoints.
        report: Called with the progress of training.
        should_stop: Once it returns true, training saves its checkpoint and ends.

    Returns:
        See `adamcmp.training.train.train_group`.
    """
    from adamcmp.training.train import train_group

    group, checkpointing = argument
    return train_group(group, report, checkpointing, should_stop)


def autotune_task(
    argument: tuple[RunSpec, bool],
    report: Callable[[object], None],
    should_stop: Callable[[], bool],
) -> Checked:
    """Check that a run can be trained and, if requested, measure its speed at several widths.

    Args:
        argument: The run, and whether to measure its speed.
        report: Never called.
        should_stop: Once it returns true, the measurement ends.
    """
    from adamcmp.training.autotune import autotune
    from adamcmp.training.checks import check_run, memory_errors
    from adamcmp.training.outcome import Failed

    spec, measure = argument
    with memory_errors(spec.config):
        notices = check_run(spec.config)
    timings = autotune(spec, should_stop) if measure else None
    if isinstance(timings, Failed):
        return Checked((*notices, not_measured(spec, timings.error)))
    return Checked(notices, timings)


def compile_evaluation_task(
    spec: RunSpec, report: Callable[[object], None], should_stop: Callable[[], bool]
) -> None:
    """Compile the evaluation of a run into the cache.

    Args:
        spec: The run.
        report: Never called.
        should_stop: Never called.
    """
    from adamcmp.planning.grouping import LaneGroup
    from adamcmp.training.evaluate import evaluate
    from adamcmp.training.loop import GroupTraining
    from adamcmp.training.torch_state import torch_state

    # The check of the run evaluates it too, and reports errors.
    with contextlib.suppress(Exception), torch_state():
        training = GroupTraining(LaneGroup((spec,)))
        evaluate(training.lanes, training.data)


def not_measured(spec: RunSpec, error: str) -> str:
    """Return the notice that the speed of a run could not be measured because of an error."""
    config = spec.config
    return (
        f"The speed of {config.optimizer.name} on {config.dataset.name}, {config.model.name} could "
        f"not be measured ({error}). These runs are trained one at a time, which is slower."
    )


def warm_up() -> None:
    """Import the modules that training needs before a worker's first task."""
    import adamcmp.training.train  # noqa: F401
