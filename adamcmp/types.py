"""Plain types that flow between rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Task = Literal["classification", "regression"]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Shape:
    """What a model must fit: one example's inputs and what is to be predicted.

    Attributes:
        inputs: Shape of one example: ``(L,)`` for a row or sequence, ``(C, H, W)`` for an image.
        outputs: Number of classes, or of regression targets.
        task: Whether targets are class numbers or real numbers.
    """

    inputs: tuple[int, ...]
    outputs: int
    task: Task


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

    `black` is what zero became of each feature or channel when it was standardized.
    """

    train: Split
    val: Split
    test: Split
    shape: Shape
    black: Floats


@dataclass(frozen=True)
class Done:
    """A group that was trained: one row a run, and one row per run and evaluation."""

    runs: list[dict[str, Any]]
    metrics: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Failed:
    """A group that crashed: the error, in one line and as a traceback, is data of its runs."""

    error: str
    run_ids: tuple[str, ...]
    traceback: str = ""


@dataclass(frozen=True)
class Stopped:
    """A group that was told to stop before its end; what it had done is in its checkpoint."""


Outcome = Done | Failed | Stopped


class Ruined(Exception):
    """What an executor's function raises to return a value from a process that is of no more use.

    Attributes:
        value: What it returns.
    """

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value
