"""QHAdam: Adam with quasi-hyperbolic momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    moving_average,
    scale_by_learning_rate,
    zero_buffers,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


#: The share of an average in a mixture.
Share = Annotated[float, Field(ge=0, le=1)]


def scale_by_qhadam() -> GradientTransformation:
    """Mix Adam's averages with the present gradient.

    >>> import torch
    >>> qhadam = scale_by_qhadam()
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([0.001, -1000.0])}
    >>> hypers = {"beta1": 0.9, "beta2": 0.999, "nu1": 0.7, "nu2": 1.0, "eps": 0.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> updates, _ = qhadam.update(grads, qhadam.init(params), params, hypers, torch.tensor(1.0))
    >>> updates["w"].round(decimals=3)
    tensor([ 1., -1.])

    m̂ and v̂ as in Adam, u = ((1 − ν1)·g + ν1·m̂) / (√((1 − ν2)·g² + ν2·v̂) + ε). Source: Ma & Yarats
    2019 (arXiv 1810.06801), section 4. ν1 = ν2 = 1 is Adam.
    """

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        beta1, beta2, eps = hypers["beta1"], hypers["beta2"], hypers["eps"]
        squares = {n: g.square() for n, g in grads.items()}
        m = moving_average(state["m"], grads, beta1)
        v = moving_average(state["v"], squares, beta2)
        unbiased_m = {n: value / (1 - beta1**step) for n, value in m.items()}
        unbiased_v = {n: value / (1 - beta2**step) for n, value in v.items()}
        numerator = moving_average(unbiased_m, grads, hypers["nu1"])
        denominator = moving_average(unbiased_v, squares, hypers["nu2"])
        updates = {n: numerator[n] / (denominator[n].sqrt() + eps) for n in grads}
        return updates, {"m": m, "v": v}

    return GradientTransformation(zero_buffers("m", "v"), update)


class QHAdam(Rule):
    """QHAdam (Ma & Yarats 2019, arXiv 1810.06801).

    Attributes:
        betas: Decay rates β1, β2 of the running averages of g and g².
        nus: Weights ν1, ν2 of the averages beside g and g². The defaults of β1 and ν1 are those
            that the paper recommends; the authors' package has 0.9 and 1, which is Adam.
        eps: ε, added to the root.
    """

    rule: Literal["qhadam"]
    betas: tuple[DecayRate, DecayRate] = (0.995, 0.999)
    nus: tuple[Share, Share] = (0.7, 1.0)
    eps: float = Field(default=1e-8, ge=0)

    defaults_from: ClassVar[str] = "the paper"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "nus", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return scale_by_qhadam(), scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        (beta1, beta2), (nu1, nu2) = self.betas, self.nus
        return {"beta1": beta1, "beta2": beta2, "nu1": nu1, "nu2": nu2, "eps": self.eps}
