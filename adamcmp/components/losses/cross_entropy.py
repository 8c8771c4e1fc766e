"""Cross-entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from adamcmp.components.data import ProblemType
from adamcmp.components.losses._base import Loss

if TYPE_CHECKING:
    from torch import Tensor


class CrossEntropy(Loss):
    """Mean cross-entropy in nats (torch.nn.functional.cross_entropy).

    >>> import torch
    >>> outputs, targets = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    >>> CrossEntropy(name="cross_entropy").training(outputs, targets)
    tensor(0.1269)
    >>> CrossEntropy(name="cross_entropy", label_smoothing=0.5).training(outputs, targets)
    tensor(0.6269)

    Attributes:
        label_smoothing: Fraction α of the target's mass that is spread evenly over all classes
            (Szegedy et al. 2016, section 7; torch's ``label_smoothing``). Evaluations report the
            cross-entropy without it.
    """

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    problem_types: ClassVar[frozenset[ProblemType]] = frozenset({"classification"})

    def training(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """See `Loss.training`."""
        log_p_BC = outputs_BC.log_softmax(-1)
        loss = _negative_log_likelihood(log_p_BC, targets_B).mean()
        if self.label_smoothing:
            loss = (1 - self.label_smoothing) * loss - self.label_smoothing * log_p_BC.mean()
        return loss

    def measured(self, outputs_BC: Tensor, targets_B: Tensor) -> Tensor:
        """See `Loss.measured`."""
        return _negative_log_likelihood(outputs_BC.log_softmax(-1), targets_B)


def _negative_log_likelihood(log_p_BC: Tensor, targets_B: Tensor) -> Tensor:
    """Return −log p of each example's class (batch,).

    It is a sum over classes, since a gather, as in torch's loss, cannot be traced for a symbolic
    number of lanes.
    """
    import torch

    classes = torch.arange(log_p_BC.shape[-1], device=log_p_BC.device)
    return -torch.where(targets_B[..., None] == classes, log_p_BC, 0.0).sum(-1)
