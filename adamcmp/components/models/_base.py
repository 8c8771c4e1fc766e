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
    """A network for one run, without a lane dimension.

    Attributes:
        name: Name of the module that defines the model.
    """

    name: str

    #: Devices on which lanes are trained as one batched computation. Batched matrix products are
    #: faster on every device, and can be compiled. Batched convolutions become grouped
    #: convolutions; on a CPU these are slow, and their rounding depends on the number of lanes.
    fuses: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    #: Whether every step consists of the same operations, so that one step can be traced for all.
    traceable: ClassVar[bool] = True
    #: Whether convolutions are faster with channels innermost. It affects rounding, so it
    #: is fixed per model, from a measurement, and is not a setting of a run.
    channels_last: ClassVar[bool] = False

    @abstractmethod
    def build(self, shape: Shape) -> nn.Module:
        """Return the network, initialized from torch's global generator.

        Its forward takes a batch (B, *shape.inputs) and returns (B, shape.outputs).

        Raises:
            ConfigError: If the model cannot take examples of this shape.
        """

    def shape_error(self, shape: Shape, required: str) -> ConfigError:
        """Return the error for a dataset whose examples do not have the required shape."""
        size = "×".join(map(str, shape.inputs))
        return ConfigError(
            f"model={self.name} needs {required}; the dataset's examples are {size}."
        )


def sequence_shape(shape: Shape) -> tuple[int, int]:
    """Return (steps, features) of an example read as a sequence.

    A row (L,) is L steps of one feature. An image (C, H, W) is H steps, its rows, of C·W features.

    >>> sequence_shape(Shape((3, 8, 10), outputs=2, problem_type="classification"))
    (8, 30)
    """
    if len(shape.inputs) == 1:
        return shape.inputs[0], 1
    channels, height, width = shape.inputs
    return height, channels * width
