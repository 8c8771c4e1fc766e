"""The base of all losses."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from adamcmp.components.data import ProblemType
from adamcmp.components.registry import Component

if TYPE_CHECKING:
    from torch import Tensor


class Loss(Component):
    """What training minimizes, and what the loss columns of the results measure.

    Attributes:
        name: The file in this room that holds the loss.
    """

    name: str

    #: The problem_types it can be used for.
    problem_types: ClassVar[frozenset[ProblemType]]

    @abstractmethod
    def training(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """Return the mean loss of a batch (0-dimensional), regularizers of the targets included.

        Args:
            outputs_BC: The model's outputs, one row an example.
            targets_B: Class numbers (B,), or real targets (B, C).
        """

    @abstractmethod
    def measured(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """Return each example's loss as evaluations report it (B,), without smoothing."""
