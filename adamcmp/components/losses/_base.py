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

    >>> import torch
    >>> from adamcmp.components.losses.cross_entropy import CrossEntropy
    >>> loss = CrossEntropy(name="cross_entropy")
    >>> loss.measured(torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([1, 0]))
    tensor([0.6931, 0.1269])

    Attributes:
        name: Name of the module that defines the loss.
    """

    name: str

    #: The types of problems that it can be used for.
    problem_types: ClassVar[frozenset[ProblemType]]

    @abstractmethod
    def training(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """Return the mean loss of a batch (0-dimensional), with label smoothing if it has any.

        Args:
            outputs_BC: The model's outputs (batch, outputs).
            targets_B: Class numbers (batch,), or real targets (batch, outputs).
        """

    @abstractmethod
    def measured(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """Return the loss of each example (batch,) as evaluations report it, without smoothing.

        Args:
            outputs_BC: The model's outputs (batch, outputs).
            targets_B: Class numbers (batch,), or real targets (batch, outputs).
        """
