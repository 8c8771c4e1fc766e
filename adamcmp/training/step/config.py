"""What the lanes of a group share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from adamcmp.components.data import Shape
from adamcmp.components.datasets import Augmentation
from adamcmp.components.losses import Loss
from adamcmp.components.models import Model
from adamcmp.components.optimizers import Optimizer


@dataclass(frozen=True)
class StepConfig:
    """What the lanes of a group share.

    `engine` is ``eager`` or ``compiled`` for fused lanes; lanes alone are run as they are written.
    """

    model: Model
    loss: Loss
    optimizer: Optimizer
    augmentation: Augmentation
    padding_value: tuple[float, ...]
    shape: Shape
    clip: bool
    fused: bool
    engine: str
    device: torch.device
    dtype: torch.dtype
    autocast: bool

    @property
    def replays(self) -> bool:
        """Whether steps of fused lanes are recorded and replayed."""
        return self.device.type == "cuda"

    def about(self) -> Any:
        """Return plain JSON values that, with the state's shapes, say what a step computes."""
        parts = [self.model.identity(), self.loss.identity(), self.optimizer.structure()]
        numbers = [self.augmentation, self.padding_value, self.clip, self.autocast]
        return [*parts, *numbers, self.shape.inputs, self.shape.outputs]
