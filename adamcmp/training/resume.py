"""Save the checkpoint of a group in training, and find the one to resume from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from adamcmp.config import RunConfig
from adamcmp.platform.provenance import cpu_features, hardware
from adamcmp.storage.archive import FORMAT
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training import checkpoint
from adamcmp.training.checkpoint import Checkpoint
from adamcmp.training.run_record import RunRecord
from adamcmp.training.version_0_1 import converted_state


class GroupCheckpoints:
    """The checkpoints of one group.

    Args:
        checkpointing: Names the files and the interval; None disables checkpoints.
        device: The device that trains the group.
    """

    def __init__(self, checkpointing: Checkpointing | None, device: torch.device) -> None:
        self._checkpointing, self._device = checkpointing, device
        self._saved_at = time.monotonic()

    @property
    def enabled(self) -> bool:
        """Whether checkpoints are saved."""
        return self._checkpointing is not None

    @property
    def due(self) -> bool:
        """Whether the interval since the last checkpoint, or since the start, has passed."""
        if self._checkpointing is None:
            return False
        return time.monotonic() - self._saved_at >= self._checkpointing.every

    def save(
        self,
        training: Sequence[RunRecord],
        finished: Sequence[RunRecord],
        state: Any,
        steps_taken: int,
        elapsed: float,
    ) -> None:
        """Write the checkpoint.

        Args:
            training: The runs still training, in the order of the lanes.
            finished: The runs that have diverged and no longer train.
            state: The lanes' state.
            steps_taken: Steps taken.
            elapsed: Seconds of training.

        Raises:
            StoreError: If the file cannot be written.
            TypeError: If the state has a value that a checkpoint cannot hold.
        """
        assert self._checkpointing is not None
        self._saved_at = time.monotonic()
        runs = [*finished, *training]
        metadata = {
            "hardware": self._machine(),
            "steps_taken": steps_taken,
            "elapsed": elapsed,
            "runs": [run.run_id for run in runs],
            "training": [run.run_id for run in training],
            "metrics": {run.run_id: run.metrics for run in runs},
            "stopped_at": {run.run_id: run.stopped_at for run in runs},
        }
        checkpoint.write(self._checkpointing.path, Checkpoint(metadata, state))

    def find(self, runs: Sequence[RunRecord]) -> Checkpoint | None:
        """Return the checkpoint to resume runs from: the group's, or that of a larger group.

        Checkpoints from another processor model are ignored, since the results would differ in
        their last bits.
        """
        if self._checkpointing is None:
            return None
        for path in (self._checkpointing.path, self._checkpointing.source):
            existing = checkpoint.read(path) if path else None
            if existing is None or existing.metadata["hardware"] != self._machine():
                continue
            if {run.run_id for run in runs} <= set(existing.metadata["runs"]):
                return _with_current_layout(existing, runs[0].spec.config)
        return None

    def _machine(self) -> str:
        """Return the hardware as far as it determines results: the model name and CPU features."""
        name = hardware(self._device.type)
        return name if self._device.type == "cuda" else f"{name}: {cpu_features()}"


def _with_current_layout(existing: Checkpoint, config: RunConfig) -> Checkpoint:
    """Return a checkpoint with its state in the current layout.

    Args:
        existing: A checkpoint, which an earlier version may have written.
        config: The settings of one of its runs.
    """
    if existing.metadata[FORMAT] != 1:
        return existing
    clips = config.protocol.grad_clip is not None
    return replace(existing, state=converted_state(existing.state, clips))
