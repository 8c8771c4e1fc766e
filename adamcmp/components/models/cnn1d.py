"""Convolutional network for rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Count, Model

if TYPE_CHECKING:
    from torch import nn


class CNN1D(Model):
    """Strided 1-D convolutions with ReLU, then an affine map.

    The defaults are those of the MNIST-1D authors' CNN.

    Attributes:
        channels: Channels of each convolution.
        kernels: Kernel size of each convolution.
        strides: Stride of each convolution.
        padding: Zeros added on both sides before each convolution.
    """

    channels: tuple[Count, ...] = (25, 25, 25)
    kernels: tuple[Count, ...] = (5, 3, 3)
    strides: tuple[Count, ...] = (2, 2, 2)
    padding: Annotated[int, Field(ge=0)] = 1

    fuses: ClassVar[tuple[str, ...]] = ("cuda",)

    @model_validator(mode="after")
    def _same_lengths(self) -> CNN1D:
        if not self.channels or not len(self.channels) == len(self.kernels) == len(self.strides):
            raise ValueError(
                "channels, kernels and strides should each have one value for each convolution"
            )
        return self

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        from torch import nn

        if len(shape.inputs) != 1:
            raise self.shape_error(shape, "rows (L,)")
        layers: list[nn.Module] = [nn.Unflatten(1, (1, shape.inputs[0]))]
        channels, length = 1, shape.inputs[0]
        for out_channels, kernel, stride in zip(
            self.channels, self.kernels, self.strides, strict=True
        ):
            layers += [nn.Conv1d(channels, out_channels, kernel, stride, self.padding), nn.ReLU()]
            channels, length = out_channels, (length + 2 * self.padding - kernel) // stride + 1
            if length < 1:
                raise self.shape_error(shape, "rows longer than its kernels and strides consume")
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * length, shape.outputs))
