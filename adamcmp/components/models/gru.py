"""Gated recurrent network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Count, Model, sequence_shape

if TYPE_CHECKING:
    from torch import nn


class GRU(Model):
    """A GRU over the example's steps, then an affine map of the outputs of all steps.

    Rows are read value by value, images row by row. The defaults are those of the MNIST-1D
    authors' GRU.

    Attributes:
        hidden: Units in each direction.
        layers: Number of recurrent layers.
        bidirectional: Read the sequence backwards too.
    """

    hidden: Count = 6
    layers: Count = 1
    bidirectional: bool = True

    fuses: ClassVar[tuple[str, ...]] = ()

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        from torch import nn

        from adamcmp.components.layers import AsSequence, Recurrent

        steps, features = sequence_shape(shape)
        outputs = steps * self.hidden * (2 if self.bidirectional else 1)
        return nn.Sequential(
            AsSequence(),
            Recurrent(features, self.hidden, self.layers, self.bidirectional),
            nn.Linear(outputs, shape.outputs),
        )
