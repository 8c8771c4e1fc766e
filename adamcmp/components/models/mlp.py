"""Multilayer perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Count, Model, Rate

if TYPE_CHECKING:
    from torch import nn


class MLP(Model):
    """`depth` hidden layers of `width` ReLU units on the flattened example.

    Attributes:
        width: Units of each hidden layer.
        depth: Number of hidden layers.
        residual: Add each hidden layer's input to its output, except in the first layer.
        dropout: Probability of dropping a hidden unit.
        norm: Normalization before each ReLU.
    """

    width: Count = 100
    depth: Count = 2
    residual: bool = False
    dropout: Rate = 0.0
    norm: Literal["none", "layer", "batch"] = "none"

    #: 1: layer normalization is computed by torch's kernel.
    revision: ClassVar[int] = 1
    last_correction: ClassVar[int | None] = 0

    @classmethod
    def revision_of(cls, settings: Mapping[str, Any]) -> int | None:
        """See `Component.revision_of`."""
        return cls.revision if settings.get("norm") == "layer" else 0

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        from torch import nn

        from adamcmp.components.layers import Residual

        layers: list[nn.Module] = [nn.Flatten(), self._hidden(prod(shape.inputs))]
        for _ in range(self.depth - 1):
            hidden = self._hidden(self.width)
            layers.append(Residual(hidden) if self.residual else hidden)
        return nn.Sequential(*layers, nn.Linear(self.width, shape.outputs))

    def _hidden(self, features: int) -> nn.Module:
        from torch import nn

        from adamcmp.components.layers import BatchNorm, Dropout, LayerNorm

        norms: dict[str, tuple[type[nn.Module], ...]]
        norms = {"none": (), "layer": (LayerNorm,), "batch": (BatchNorm,)}
        return nn.Sequential(
            nn.Linear(features, self.width),
            *(norm(self.width) for norm in norms[self.norm]),
            nn.ReLU(),
            *([Dropout(self.dropout)] if self.dropout else []),
        )
