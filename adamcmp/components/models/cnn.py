"""Convolutional network for images."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Count, Model, Rate

if TYPE_CHECKING:
    from torch import nn


class CNN(Model):
    """Blocks of 3×3 convolution, ReLU and 2×2 max-pooling, then one hidden layer.

    Attributes:
        channels: Channels of each block.
        hidden: Units of the hidden layer.
        dropout: Probability of dropping a unit of the hidden layer.
    """

    channels: tuple[Count, ...] = (16, 32)
    hidden: Count = 64
    dropout: Rate = 0.0

    fuses: ClassVar[tuple[str, ...]] = ("cuda",)
    channels_last: ClassVar[bool] = True

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        from torch import nn

        from adamcmp.components.layers import Dropout

        if len(shape.inputs) != 3 or min(shape.inputs[1:]) < 2 ** len(self.channels):
            least = 2 ** len(self.channels)
            raise self.shape_error(shape, f"images (C, H, W) of at least {least}×{least}")
        channels, height, width = shape.inputs
        layers: list[nn.Module] = []
        for out_channels in self.channels:
            layers += [nn.Conv2d(channels, out_channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            channels, height, width = out_channels, height // 2, width // 2
        return nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(channels * height * width, self.hidden),
            nn.ReLU(),
            *([Dropout(self.dropout)] if self.dropout else []),
            nn.Linear(self.hidden, shape.outputs),
        )
