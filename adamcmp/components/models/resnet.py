"""Residual network for small images."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import field_validator, model_validator

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Count, Model

if TYPE_CHECKING:
    from torch import nn


class ResNet(Model):
    """He et al. 2016, section 4.2: three stages of basic blocks, depth 6n + 2.

    The default is group normalization, because batch normalization itself regularizes, which would
    confound a comparison of regularizers.

    Attributes:
        depth: Number of layers, 6n + 2: 8, 14, 20, …
        width: Channels of the first stage. The others have two and four times as many.
        norm: ``group`` (Wu & He 2018) or ``batch``.
        groups: Number of groups of GroupNorm.
    """

    depth: Count = 20
    width: Count = 16
    norm: Literal["group", "batch"] = "group"
    groups: Count = 8

    fuses: ClassVar[tuple[str, ...]] = ("cuda",)

    @field_validator("depth")
    @classmethod
    def _six_n_plus_two(cls, value: int) -> int:
        if value < 8 or value % 6 != 2:
            raise ValueError("should be 6n + 2: 8, 14, 20, 26, …")
        return value

    @model_validator(mode="after")
    def _groups_divide(self) -> ResNet:
        if self.norm == "group" and self.width % self.groups:
            raise ValueError(f"groups={self.groups} should divide width={self.width}")
        return self

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        from torch import nn

        from adamcmp.components.layers import BasicBlock

        if len(shape.inputs) != 3:
            raise self.shape_error(shape, "images (C, H, W)")
        layers: list[nn.Module] = [
            nn.Conv2d(shape.inputs[0], self.width, 3, padding=1, bias=False),
            self._norm(self.width),
            nn.ReLU(),
        ]
        channels = self.width
        for stage in range(3):
            for block in range((self.depth - 2) // 6):
                out = self.width * 2**stage
                # The first block of the second and of the third stage halves the sides of the
                # image.
                stride = 2 if stage and not block else 1
                layers.append(BasicBlock(channels, out, stride, [self._norm(out), self._norm(out)]))
                channels = out
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, shape.outputs))
        return nn.Sequential(*layers, *head)

    def _norm(self, channels: int) -> nn.Module:
        from torch import nn

        if self.norm == "batch":
            return nn.BatchNorm2d(channels)
        return nn.GroupNorm(self.groups, channels)
