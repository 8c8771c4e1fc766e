"""Rprop: steps whose sizes depend on the signs of gradients only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from adamcmp.components.optimizers._rule import Rule
from adamcmp.components.transformations import GradientTransformation, zero_buffers

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def resilient_step() -> GradientTransformation:
    """Turn g into Rprop's step.

    >>> import torch
    >>> rprop = resilient_step()
    >>> params, hypers = {"w": torch.zeros(2)}, {"lr": 0.1, "multiplier": 1.0, "eta_minus": 0.5}
    >>> hypers |= {"eta_plus": 1.2, "step_size_min": 1e-6, "step_size_max": 50.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> state = rprop.init(params)
    >>> for step, g in [(1.0, [1.0, 1.0]), (2.0, [3.0, -3.0])]:
    ...     step = torch.tensor(step)
    ...     updates, state = rprop.update({"w": torch.tensor(g)}, state, params, hypers, step)
    ...     print(updates["w"])
    tensor([-0.1000, -0.1000])
    tensor([-0.1200, -0.0000])

    Each number has a step size Δ, which is lr at first. Δ ← η⁺·Δ if g and the previous g have the
    same sign. If the signs differ, Δ ← η⁻·Δ and g ← 0. Then u = −s_t·Δ·sign(g). Source: Riedmiller
    & Braun 1993, without their reversal of the previous step: iRprop− of Igel & Hüsken 2000;
    torch.optim.Rprop, which ignores schedules and thus equals s_t = 1.
    """

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        new: dict[str, Tree] = {"size": {}, "previous": {}}
        for n, g in grads.items():
            # Not the sign of the product, which underflows.
            agreement = g.sign() * state["previous"][n].sign()
            size = (0 * g + hypers["lr"]).where(step <= 1, state["size"][n])
            larger, smaller = size * hypers["eta_plus"], size * hypers["eta_minus"]
            size = larger.where(agreement > 0, smaller.where(agreement < 0, size))
            size = size.maximum(hypers["step_size_min"]).minimum(hypers["step_size_max"])
            new["size"][n] = size
            new["previous"][n] = g.where(agreement >= 0, 0.0)
        scale = hypers["multiplier"]
        updates = {n: -(scale * (new["size"][n] * g.sign())) for n, g in new["previous"].items()}
        return updates, new

    return GradientTransformation(zero_buffers("size", "previous"), update)


_NOT_PROPORTIONAL_TO_LR = (
    "it finds a step size for each weight itself, of which lr is only the first value, so a decay "
    "in proportion to lr is unrelated to the steps. Use coupling=l2, independent or fixed"
)


class Rprop(Rule):
    """Rprop for gradients of the whole training set (Riedmiller & Braun 1993; torch.optim.Rprop).

    `lr` is the first step size of each weight.

    Attributes:
        etas: η⁻ and η⁺, by which the step size is multiplied after a change of sign, or without.
        step_sizes: The smallest and the largest step size.
    """

    rule: Literal["rprop"]
    etas: tuple[Annotated[float, Field(gt=0, lt=1)], Annotated[float, Field(gt=1)]] = (0.5, 1.2)
    step_sizes: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(gt=0)]] = (1e-6, 50.0)

    defaults_from: ClassVar[str] = "torch.optim.Rprop"
    number_fields: ClassVar[frozenset[str]] = frozenset({"etas", "step_sizes"})
    refused_couplings: ClassVar[Mapping[str, str]] = {
        "decoupled": _NOT_PROPORTIONAL_TO_LR,
        "corrected": _NOT_PROPORTIONAL_TO_LR,
        "norm": "norm fixes the length of every update by lr, which is Rprop's first step size",
    }

    @model_validator(mode="after")
    def _step_sizes_are_ordered(self) -> Rprop:
        if self.step_sizes[0] > self.step_sizes[1]:
            raise ValueError(f"step_sizes={list(self.step_sizes)}: the first must be the smaller")
        return self

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return (resilient_step(),)

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        eta_minus, eta_plus = self.etas
        smallest, largest = self.step_sizes
        return {
            "eta_minus": eta_minus,
            "eta_plus": eta_plus,
            "step_size_min": smallest,
            "step_size_max": largest,
        }
