"""Cross-entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from adamcmp.losses._base import Loss
from adamcmp.types import Task

if TYPE_CHECKING:
    from torch import Tensor


class CrossEntropy(Loss):
    """Mean cross-entropy in nats (torch.nn.functional.cross_entropy).

    Attributes:
        label_smoothing: Share of the target's mass spread evenly over all classes (Szegedy et
            al. 2016); only training smooths, evaluations report the plain cross-entropy.
    """

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    tasks: ClassVar[frozenset[Task]] = frozenset({"classification"})

    def training(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """See `Loss.training`."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs_BC, targets_B, label_smoothing=self.label_smoothing)

    def measured(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """See `Loss.measured`."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs_BC, targets_B, reduction="none")
