"""Datasets as arrays, and the shapes that models are built for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ProblemType = Literal["classification", "regression"]
#: The measures of each type of problem, besides the loss, of which the smallest is the best.
MEASURES: Mapping[ProblemType, tuple[str, ...]] = {
    "classification": ("error", "balanced_error"),
    "regression": ("rmse",),
}
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Shape:
    """The shape of an example and of its target, which a model is built for.

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
    """Examples and their targets.

    Attributes:
        x: Inputs (N, *inputs).
        y: Class numbers (N,), or real targets (N, outputs).
    """

    x: NDArray[Any]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)

    def digest(self) -> str:
        """Return a digest of the examples, which is the same for the same examples in one order."""
        content = hashlib.blake2b(digest_size=6)
        for array in (self.x, self.y):
            content.update(f"{array.dtype} {array.shape} ".encode())
            content.update(np.ascontiguousarray(array).data)
        return content.hexdigest()

    def take(self, index: NDArray[np.integer[Any]]) -> Split:
        """Return the examples at `index`."""
        return Split(self.x[index], self.y[index])


@dataclass(frozen=True)
class Data:
    """A dataset ready for training: three disjoint splits of one shape.

    Attributes:
        train: Training split.
        val: Validation split; empty if nothing is held out.
        test: Test split.
        shape: Shape of an example and of its target.
        padding_value: The value of a black pixel after standardization, per channel.
        set_ids: Digests of the validation and test examples before standardization, by split.
    """

    train: Split
    val: Split
    test: Split
    shape: Shape
    padding_value: Floats
    set_ids: Mapping[str, str] = field(default_factory=dict)

    def chance_level(self) -> dict[str, float]:
        """Return the metrics of the best prediction that ignores the inputs.

        Classification: the error of always predicting the most frequent training class. Regression:
        the mean squared error of always predicting the mean training target.

        Returns:
            Metric, such as ``test_error`` -> its value, for each split that has examples.
        """
        splits = {"train": self.train, "val": self.val, "test": self.test}
        used = {name: split.y for name, split in splits.items() if len(split)}
        if self.shape.problem_type == "regression":
            mean = self.train.y.mean(axis=0)
            return {f"{name}_loss": float(((y - mean) ** 2).mean()) for name, y in used.items()}
        most_frequent = np.bincount(self.train.y).argmax()
        return {f"{name}_error": float((y != most_frequent).mean()) for name, y in used.items()}
