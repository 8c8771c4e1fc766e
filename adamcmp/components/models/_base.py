"""The base of all models."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from adamcmp.components.data import Shape
from adamcmp.components.registry import Component
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]


class Model(Component):
    """A network for one run, written with ordinary shapes.

    Attributes:
        name: The file in this room that holds the model.
    """

    name: str

    #: Devices on which lanes of it are trained as one batched computation. Products of matrices
    #: gain by that everywhere (and can be compiled); convolutions on a GPU only: batched over lanes
    #: they are grouped ones, which a processor is slow with, at rounding that depends on their
    #: number.
    fuses: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    #: Whether its convolutions are faster with channels innermost; it decides the last bits, so it
    #: is the model's own, measured once, and no choice of a run.
    channels_last: ClassVar[bool] = False

    @abstractmethod
    def build(self, shape: Shape) -> nn.Module:
        """Return the network, initialized from torch's global generator.

        Its forward takes a batch (B, *shape.inputs) and returns (B, shape.outputs).

        Raises:
            ConfigError: When the model cannot take examples of this shape.
        """

    def refuse(self, shape: Shape, wanted: str) -> ConfigError:
        """Return the error for a dataset whose examples do not fit."""
        size = "×".join(map(str, shape.inputs))
        return ConfigError(f"model={self.name} wants {wanted}; the dataset's examples are {size}.")


def sequence(shape: Shape) -> tuple[int, int]:
    """Return (steps, features) of an example read as a sequence.

    A row (L,) is L steps of one feature; an image (C, H, W) is H steps, its rows, of C·W.
    """
    if len(shape.inputs) == 1:
        return shape.inputs[0], 1
    channels, height, width = shape.inputs
    return height, channels * width
