"""Prodigy: Adam that estimates its learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    moving_average,
    zero_buffers,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def prodigy_step(
    *,
    bias_correction: bool,
    safeguard_warmup: bool,
    decay: GradientTransformation | None = None,
) -> GradientTransformation:
    """Turn g into Prodigy's step.

    >>> import torch
    >>> prodigy = prodigy_step(bias_correction=False, safeguard_warmup=False)
    >>> params = {"w": torch.ones(1)}
    >>> hypers = {"lr": 1.0, "multiplier": 1.0, "beta1": 0.9, "beta2": 0.999, "beta3": 0.9995}
    >>> hypers |= {"eps": 1e-8, "d0": 1e-6, "d_coef": 1.0, "growth_rate": float("inf")}
    >>> hypers = {name: torch.tensor(value, dtype=torch.float64) for name, value in hypers.items()}
    >>> state = prodigy.init(params)
    >>> for step in range(1, 101):
    ...     grads, step = {"w": params["w"].clone()}, torch.tensor(float(step))
    ...     updates, state = prodigy.update(grads, state, params, hypers, step)
    ...     params = {"w": params["w"] + updates["w"]}
    >>> state["d"] > 100 * hypers["d0"]
    tensor(True)

    d estimates the distance from the first weights θ_0 to the solution. With δ = d·η_t:
    r ← β3·r + d/d0·δ·⟨g, θ_0 − θ⟩, s ← β3·s + d/d0·δ·g, m ← β1·m + (1 − β1)·d·g,
    v ← β2·v + (1 − β2)·d²·g², and d ← max(d, d_coef·r / ‖s‖₁). Then u = −δ·m / (√v + d·ε), where
    δ has the previous d. ⟨·,·⟩ and ‖·‖₁ are over all parameters that have a gradient. Source:
    Mishchenko & Defazio 2023 (arXiv 2306.06101), Algorithm 4; prodigyopt.

    Args:
        bias_correction: Whether δ = d·η_t·√(1 − β2^t) / (1 − β1^t).
        safeguard_warmup: Whether s has weight d/d0·d instead of d/d0·δ.
        decay: A decay of the weights, in proportion to δ as the step is.
    """
    import torch

    def init(params: Tree) -> dict[str, Any]:
        # All parameters share d and r. d is 0 before the first step, when it is d0.
        zero = next(iter(params.values())).new_zeros((), dtype=torch.float64)
        return {
            **zero_buffers("m", "v", "s")(params),
            "start": {n: p.clone() for n, p in params.items()},
            **{key: zero.clone() for key in ("d", "d_max", "r")},
        }

    def update(
        grads: Tree, state: dict[str, Any], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Any]]:
        beta1, beta2, beta3 = hypers["beta1"], hypers["beta2"], hypers["beta3"]
        d0 = hypers["d0"]
        d, d_max, r = state["d"].maximum(d0), state["d_max"].maximum(d0), state["r"]
        scale = d * hypers["lr"]
        if bias_correction:
            scale = scale * (1 - beta2**step).sqrt() / (1 - beta1**step)
        delta = hypers["multiplier"] * scale
        progress = [(g * (state["start"][n] - params[n])).sum().double() for n, g in grads.items()]
        r = beta3 * r + d / d0 * delta * sum(progress)
        weight = d / d0 * (d if safeguard_warmup else delta)
        s = {n: beta3 * state["s"][n] + weight * g for n, g in grads.items()}
        new: dict[str, Any] = {
            "m": moving_average(state["m"], {n: d * g for n, g in grads.items()}, beta1),
            "v": moving_average(state["v"], {n: (d * g).square() for n, g in grads.items()}, beta2),
            "s": s,
            "start": state["start"],
        }
        length: Any = sum(t.abs().sum().double() for t in s.values())
        # Without a gradient so far, s is 0 and d stays.
        estimate = (hypers["d_coef"] * r / length).where(length > 0, d)
        d_new, d_max = _next_distance(d, d_max, estimate, hypers)
        new |= {"d": d_new, "d_max": d_max, "r": r}
        eps = d_new * hypers["eps"]
        updates = {n: -(delta * (new["m"][n] / (new["v"][n].sqrt() + eps))) for n in grads}
        if decay is not None:
            updates, _ = decay.update(updates, {}, params, {**hypers, "lr": scale}, step)
        return updates, new

    return GradientTransformation(init, update)


def _next_distance(
    d: Tensor, d_max: Tensor, estimate: Tensor, hypers: Hypers
) -> tuple[Tensor, Tensor]:
    """Return d after a step, which grows by at most `growth_rate`, and the largest estimate."""
    d_max = d_max.maximum(estimate)
    first = d.maximum(estimate).where(d == hypers["d0"], d)
    return d_max.minimum(first * hypers["growth_rate"]), d_max


_IGNORES_THE_ESTIMATE = (
    "while its estimate d is still small, a decay that does not depend on d would move the weights "
    "more than the steps do, and d is estimated from how far they moved. Use coupling=decoupled, "
    "which is in proportion to d·lr, or l2"
)


class Prodigy(Rule):
    """Prodigy (Mishchenko & Defazio 2023, arXiv 2306.06101), whose learning rate is d·lr.

    The parameters of a group share an estimate d, also if some have no gradient in a step. In
    `torch_optimizer`, unlike in prodigyopt, parameters that have had gradients in different numbers
    of steps have separate estimates. ``decoupled`` and ``corrected`` decay in proportion to d·lr
    instead of lr.

    Attributes:
        betas: Decay rates β1, β2 of the running averages of g and g².
        beta3: Decay rate β3 of the sums in the estimate of d; null is √β2.
        eps: ε; d·ε is added to √v.
        d0: First value of d.
        d_coef: Factor of the estimate of d.
        growth_rate: Largest factor by which d grows in a step; null is no limit.
        use_bias_correction: Use Adam's bias corrections.
        safeguard_warmup: Leave lr out of the denominator of d's estimate, for a warm-up.
    """

    rule: Literal["prodigy"]
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    beta3: DecayRate | None = None
    eps: float = Field(default=1e-8, ge=0)
    d0: float = Field(default=1e-6, gt=0)
    d_coef: float = Field(default=1.0, gt=0)
    growth_rate: float | None = Field(default=None, ge=1)
    use_bias_correction: bool = False
    safeguard_warmup: bool = False

    elementwise: ClassVar[bool] = False
    shares_steps: ClassVar[bool] = True
    defaults_from: ClassVar[str] = "the authors' package"
    number_fields: ClassVar[frozenset[str]] = frozenset(
        {"betas", "beta3", "eps", "d0", "d_coef", "growth_rate"}
    )
    momentum_hyper: ClassVar[str] = "beta1"
    refused_couplings: ClassVar[Mapping[str, str]] = {
        "independent": _IGNORES_THE_ESTIMATE,
        "fixed": _IGNORES_THE_ESTIMATE,
        "norm": "norm fixes the length of updates, so d would have no effect. Use optimizer=adam",
    }

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return (self._step(),)

    def with_decay(self, decay: GradientTransformation) -> tuple[GradientTransformation, ...]:
        """See `Rule.with_decay`."""
        return (self._step(decay),)

    def _step(self, decay: GradientTransformation | None = None) -> GradientTransformation:
        return prodigy_step(
            bias_correction=self.use_bias_correction,
            safeguard_warmup=self.safeguard_warmup,
            decay=decay,
        )

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {
            "beta1": self.betas[0],
            "beta2": self.betas[1],
            "beta3": math.sqrt(self.betas[1]) if self.beta3 is None else self.beta3,
            "eps": self.eps,
            "d0": self.d0,
            "d_coef": self.d_coef,
            "growth_rate": math.inf if self.growth_rate is None else self.growth_rate,
        }
