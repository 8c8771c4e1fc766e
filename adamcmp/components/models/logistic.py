"""Logistic (softmax) regression; for real targets, linear regression."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Model

if TYPE_CHECKING:
    from torch import nn


class Logistic(Model):
    """One affine map of the flattened example."""

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape.inputs), shape.outputs))
