"""Train a group and return its outcome."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable

import torch

from adamcmp.errors import AdamcmpError, WorkerUnusable
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training.loop import GroupTraining, StopRequested, TrainingProgressCallback
from adamcmp.training.outcome import Failed, Outcome, Stopped
from adamcmp.training.torch_state import torch_state, uses_gpu


def train_group(
    group: LaneGroup,
    report: TrainingProgressCallback = lambda progress: None,
    checkpointing: Checkpointing | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train the runs of a group together, resuming from a checkpoint if there is one.

    Args:
        group: The runs.
        report: Called with the progress of training.
        checkpointing: Names the checkpoints; None disables them.
        should_stop: Once it returns true, training saves its checkpoint and ends.

    Returns:
        `Done` with the rows of all runs, including diverged ones; `Failed` if training crashed;
        `Stopped` if `should_stop` ended it.

    Raises:
        AdamcmpError: If the group cannot be trained as configured.
        WorkerUnusable: If a crash has left the GPU unusable for this process; holds the outcome.
    """
    with torch_state():
        try:
            return GroupTraining(group, report, checkpointing, should_stop).run()
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
    _free_memory(failed)
    return failed


def _free_memory(failed: Failed) -> None:
    """Free the memory of a crashed group before a smaller one is tried.

    Raises:
        WorkerUnusable: See `train_group`.
    """
    gc.collect()
    if uses_gpu():
        try:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
        except RuntimeError:  # every later call would fail too
            raise WorkerUnusable(failed) from None
