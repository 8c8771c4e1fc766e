"""A dataset as arrays, and the shapes that a model must fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ProblemType = Literal["classification", "regression"]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Shape:
    """What a model must fit: one example's inputs and what is to be predicted.

    Attributes:
        inputs: Shape of one example: ``(L,)`` for a row or sequence, ``(C, H, W)`` for an image.
        outputs: Number of classes, or of regression targets.
        problem_type: Whether targets are class numbers or real numbers.
    """

    inputs: tuple[int, ...]
    outputs: int
    problem_type: ProblemType


@dataclass(frozen=True)
class Split:
    """Examples and their targets: `x` (N, *inputs); `y` (N,) classes or (N, outputs) reals."""

    x: NDArray[Any]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: NDArray[np.integer[Any]]) -> Split:
        """Return the examples at `index`."""
        return Split(self.x[index], self.y[index])


@dataclass(frozen=True)
class Data:
    """A dataset ready for training: three disjoint splits and the shape they share.

    `padding_value` is what zero became of each feature or channel when it was standardized.
    """

    train: Split
    val: Split
    test: Split
    shape: Shape
    padding_value: Floats
