"""Mean squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from adamcmp.components.data import ProblemType
from adamcmp.components.losses._base import Loss

if TYPE_CHECKING:
    from torch import Tensor


class MSE(Loss):
    """Squared error, averaged over outputs and examples (torch.nn.functional.mse_loss).

    >>> import torch
    >>> MSE(name="mse").measured(torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([2.])

    For classification the targets are one-hot (the square loss of Hui & Belkin 2021, without their
    rescaling), and the predicted class is that of the largest output.
    """

    problem_types: ClassVar[frozenset[ProblemType]] = frozenset({"classification", "regression"})

    def training(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """See `Loss.training`."""
        return self.measured(outputs_BC, targets_B).mean()

    def measured(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """See `Loss.measured`."""
        import torch

        if not targets_B.is_floating_point():
            classes = torch.arange(outputs_BC.shape[-1], device=outputs_BC.device)
            targets_B = (targets_B[..., None] == classes).to(outputs_BC.dtype)
        return (outputs_BC - targets_B).square().mean(-1)
