"""Small vision transformer."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar

from pydantic import model_validator

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Count, Model, Rate

if TYPE_CHECKING:
    from torch import nn


class ViT(Model):
    """A small ViT (Dosovitskiy et al. 2021) with mean pooling instead of a class token.

    Blocks are pre-norm. Images are cut into square patches, rows into segments.

    Attributes:
        patch: Side of a patch, or length of a segment; divides the example's sides.
        width: Features of a token.
        depth: Number of blocks.
        heads: Attention heads; divides `width`.
        mlp_width: Units of each block's hidden layer.
        dropout: Probability of dropping an element of the output of each block's two branches.
    """

    patch: Count = 4
    width: Count = 64
    depth: Count = 4
    heads: Count = 4
    mlp_width: Count = 128
    dropout: Rate = 0.0

    #: 1: layer normalization and attention are computed by torch's kernels.
    revision: ClassVar[int] = 1
    last_correction: ClassVar[int | None] = 0

    @model_validator(mode="after")
    def _heads_divide(self) -> ViT:
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} should divide width={self.width}")
        return self

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        from torch import nn

        from adamcmp.components.layers import (
            Attention,
            LayerNorm,
            Patches,
            Positions,
            TokenMean,
        )

        sides = shape.inputs[1:] or shape.inputs
        if any(side % self.patch for side in sides):
            raise self.shape_error(shape, f"sides that patch={self.patch} divides")
        tokens = prod(side // self.patch for side in sides)
        numbers = prod(shape.inputs) // tokens
        blocks = [
            self._branch(body)
            for _ in range(self.depth)
            for body in (Attention(self.width, self.heads), self._mlp())
        ]
        return nn.Sequential(
            Patches(self.patch),
            nn.Linear(numbers, self.width),
            Positions(tokens, self.width),
            *blocks,
            LayerNorm(self.width),
            TokenMean(),
            nn.Linear(self.width, shape.outputs),
        )

    def _branch(self, body: nn.Module) -> nn.Module:
        from torch import nn

        from adamcmp.components.layers import Dropout, LayerNorm, Residual

        drop = [Dropout(self.dropout)] if self.dropout else []
        return Residual(nn.Sequential(LayerNorm(self.width), body, *drop))

    def _mlp(self) -> nn.Module:
        from torch import nn

        up, down = nn.Linear(self.width, self.mlp_width), nn.Linear(self.mlp_width, self.width)
        return nn.Sequential(up, nn.GELU(), down)
