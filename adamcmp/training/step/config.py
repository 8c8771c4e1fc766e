"""The settings that the lanes of a group share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from adamcmp.components.data import Shape
from adamcmp.components.datasets import Augmentation
from adamcmp.components.losses import Loss
from adamcmp.components.models import Model
from adamcmp.components.optimizers import Optimizer
from adamcmp.components.user_rule import is_users_rule
from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.device_data import DeviceData


@dataclass(frozen=True)
class StepConfig:
    """The settings that the lanes of a group share.

    Attributes:
        model: Architecture.
        loss: Training loss, and the loss that evaluations report.
        optimizer: Update rule; its numeric settings are those of the first lane.
        augmentation: Random augmentation of training images.
        padding_value: Standardized value of a black pixel, by channel; crops are padded with it.
            Empty without crops, so that one compiled step serves all splits of the data.
        shape: Shapes of inputs and outputs.
        clip: Whether gradients are clipped by their norm.
        fused: Whether the lanes are one batched computation; if not, there is a single lane.
        engine: ``eager``, ``traced`` or ``compiled``; an unfused lane is never compiled.
        device: The device of the lanes.
        dtype: Precision of parameters and optimizer state.
        autocast: Whether forward passes compute in bfloat16.
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
    def compiles(self) -> bool:
        """Whether steps are compiled."""
        return self.fused and self.engine == "compiled"

    @property
    def traces(self) -> bool:
        """Whether steps are traced and executed operation by operation."""
        return self.engine == "traced"

    @property
    def replays(self) -> bool:
        """Whether steps of fused lanes are recorded as CUDA graphs and replayed."""
        return self.device.type == "cuda" and self.optimizer.traceable

    @property
    def runs_user_code(self) -> bool:
        """Whether the network or the optimizer may be a class of the user's code."""
        users_rule = is_users_rule(self.optimizer.rule)
        return self.model.has_digest or self.optimizer.has_digest or users_rule

    def identity(self) -> Any:
        """Return JSON values that determine a step, together with the shapes of the state."""
        components = [self.model.identity(), self.loss.identity(), self.optimizer.structure()]
        settings = [self.augmentation, self.padding_value, self.clip, self.autocast]
        return [*components, *settings, self.shape.inputs, self.shape.outputs]


def group_step_config(
    group: LaneGroup, data: DeviceData, device: torch.device, dtype: torch.dtype
) -> StepConfig:
    """Return the settings that the lanes of a group share.

    Args:
        group: The runs.
        data: Their dataset.
        device: The device that trains them.
        dtype: Precision of parameters and optimizer state.
    """
    config, numerics = group.specs[0].config, group.specs[0].numerics
    augmentation = config.dataset.augmentation
    return StepConfig(
        model=config.model,
        loss=config.loss,
        optimizer=config.optimizer,
        augmentation=augmentation,
        padding_value=data.padding_value if augmentation.crop else (),
        shape=data.shape,
        clip=config.protocol.grad_clip is not None,
        fused=group.fused,
        engine=numerics.engine,
        device=device,
        dtype=dtype,
        autocast=numerics.dtype == "bf16",
    )
