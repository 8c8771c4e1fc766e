"""ASGD: averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from adamcmp.components.averaging import polyak_average
from adamcmp.components.optimizers._rule import Rule
from adamcmp.components.transformations import GradientTransformation

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def asgd_step() -> GradientTransformation:
    """Turn g into a descent step with a decay and a decreasing learning rate.

    >>> import torch
    >>> asgd, params, grads = asgd_step(), {"w": torch.ones(1)}, {"w": torch.ones(1)}
    >>> hypers = {"lr": 0.1, "multiplier": 1.0, "lambd": 1.0, "alpha": 1.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> for step in (1.0, 11.0):
    ...     updates, _ = asgd.update(grads, {}, params, hypers, torch.tensor(step))
    ...     print(updates["w"])
    tensor([-0.2000])
    tensor([-0.1000])

    u = −r·(g + λ·θ), r = η_t / (1 + λ·η_t·(t − 1))^α. Source: Bottou 2010, section 5;
    torch.optim.ASGD, which computes r a step earlier, so that a schedule acts a step late there.
    """

    def update(
        grads: Tree, state: Tree, params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, Tree]:
        decay, eta = hypers["lambd"], hypers["multiplier"] * hypers["lr"]
        rate = eta / (1 + decay * eta * (step - 1)) ** hypers["alpha"]
        decay = decay * rate
        return {n: -(rate * g + decay * params[n]) for n, g in grads.items()}, state

    return GradientTransformation(lambda params: {}, update)


_DECAYS_ITSELF = (
    "it decays the weights itself, by lambd times its decreasing learning rate. Set "
    "optimizer.lambd, or use coupling=l2, torch's weight_decay"
)


class ASGD(Rule):
    """Averaged SGD (Polyak & Juditsky 1992; Bottou 2010; torch.optim.ASGD).

    Evaluations measure the average of the weights since step t0.

    Attributes:
        lambd: λ, the coefficient of a decay, which also sets how the learning rate decreases.
        alpha: Exponent α of the decrease of the learning rate.
        t0: Step from which weights are averaged. With torch's default there is no average in runs
            of up to a million steps.
    """

    rule: Literal["asgd"]
    lambd: float = Field(default=1e-4, ge=0)
    alpha: float = Field(default=0.75, ge=0)
    t0: float = Field(default=1e6, ge=0)

    defaults_from: ClassVar[str] = "torch.optim.ASGD"
    number_fields: ClassVar[frozenset[str]] = frozenset({"lambd", "alpha", "t0"})
    refused_couplings: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("decoupled", "independent", "fixed", "corrected"), _DECAYS_ITSELF),
        "norm": "an average of weights of one norm has a smaller norm. Use coupling=l2",
    }

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return (asgd_step(),)

    def averaged(self, optimizer: GradientTransformation) -> GradientTransformation:
        """See `Rule.averaged`."""
        return polyak_average(optimizer)

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"lambd": self.lambd, "alpha": self.alpha, "t0": self.t0}
