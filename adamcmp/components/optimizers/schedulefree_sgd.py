"""Schedule-free SGD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from adamcmp.components.averaging import schedule_free
from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.transformations import GradientTransformation, scale_by_learning_rate


class ScheduleFreeSGD(Rule):
    """Schedule-free SGD (Defazio et al. 2024, arXiv 2405.15682).

    Train it with ``schedule=constant``, and a warm-up if needed: an average replaces the schedule.
    Gradients and decay are evaluated between the iterates and the average. With ``l2``, the
    authors' algorithm.

    Attributes:
        momentum: β: the share of the average in the weights at which gradients are evaluated.
        r: Exponent of the step in the weights of the average.
        weight_lr_power: Exponent of the largest learning rate so far in these weights.
    """

    rule: Literal["schedulefree_sgd"]
    momentum: DecayRate = 0.9
    r: float = Field(default=0.0, ge=0)
    weight_lr_power: float = Field(default=2.0, ge=0)

    elementwise: ClassVar[bool] = False  # the average has its weights for each parameter
    defaults_from: ClassVar[str] = "the authors' package"
    number_fields: ClassVar[frozenset[str]] = frozenset({"momentum", "r", "weight_lr_power"})
    momentum_hyper: ClassVar[str] = "momentum"
    refused_couplings: ClassVar[Mapping[str, str]] = {
        "norm": "an average of weights of one norm has a smaller norm. Use coupling=l2"
    }

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return (scale_by_learning_rate(),)

    def averaged(self, optimizer: GradientTransformation) -> GradientTransformation:
        """See `Rule.averaged`."""
        return schedule_free(optimizer, "momentum")

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        powers = {"r": self.r, "weight_lr_power": self.weight_lr_power}
        return {"momentum": self.momentum, **powers}
