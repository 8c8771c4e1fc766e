"""Train a group and return its outcome."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable

import torch

from adamcmp.errors import AdamcmpError, WorkerUnusable
from adamcmp.planning.grouping import LaneGroup, TrainTask
from adamcmp.training.loop import GroupTraining, StopRequested, TrainingProgressCallback
from adamcmp.training.outcome import Failed, Outcome, Stopped
from adamcmp.training.torch_state import torch_state, uses_gpu


def train_task(
    task: TrainTask, report: TrainingProgressCallback, should_stop: Callable[[], bool]
) -> Outcome:
    """Train a task's group, resuming from its checkpoint if there is one.

    Args:
        task: The group and its checkpoint.
        report: Called with the progress of training.
        should_stop: Once it returns true, training saves its checkpoint and ends.

    Returns:
        The outcome (see `train_group`).

    Raises:
        AdamcmpError: If the group cannot be trained as configured.
        WorkerUnusable: If a crash has left the GPU unusable for this process; holds the outcome.
    """
    outcome = train_group(task.group, report, task, should_stop)
    if isinstance(outcome, Failed) and uses_gpu():
        try:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
        except RuntimeError:  # every later call would fail too
            raise WorkerUnusable(outcome) from None
    return outcome


def train_group(
    group: LaneGroup,
    report: TrainingProgressCallback = lambda progress: None,
    task: TrainTask | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train the runs of a group together.

    Args:
        group: The runs.
        report: Called with the progress of training.
        task: Holds the checkpoint paths; None disables checkpoints.
        should_stop: Once it returns true, training saves its checkpoint and ends.

    Returns:
        `Done` with the rows of all runs, including diverged ones; `Failed` if training crashed;
        `Stopped` if `should_stop` ended it.

    Raises:
        AdamcmpError: If the group cannot be trained as configured.
    """
    with torch_state():
        try:
            return GroupTraining(group, report, task, should_stop).run()
        except AdamcmpError:
            raise
        except StopRequested:
            return Stopped()
        except Exception as error:  # out of memory, or an error in the user's model
            failed = Failed(
                f"{type(error).__name__}: {error}",
                tuple(spec.run_id for spec in group.specs),
                traceback.format_exc(),
            )
        gc.collect()  # frees the memory of the crashed group before a smaller one is tried
        return failed
