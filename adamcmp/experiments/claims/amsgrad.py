"""AMSGrad: Adam divided by the root of the largest v so far (Reddi et al. 2018)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from adamcmp.components.optimizers.adam import scale_by_adam
from adamcmp.experiments.claims._base import Claim, draws, float64

BETAS = {"beta1": 0.9, "beta2": 0.9, "eps": 0.0}


def directions(gradients: Tensor, *, amsgrad: bool) -> tuple[Tensor, Tensor]:
    """Return m̂/√v̂ and the v that it is computed from, after each gradient."""
    rule, params = scale_by_adam(amsgrad), {"w": torch.zeros_like(gradients[0])}
    hypers = {name: float64(value) for name, value in BETAS.items()}
    state, steps, seconds = rule.init(params), [], []
    for count, gradient in enumerate(gradients, start=1):
        updates, state = rule.update({"w": gradient}, state, params, hypers, float64(count))
        steps.append(updates["w"])
        seconds.append(state["v_max" if amsgrad else "v"]["w"])
    return torch.stack(steps), torch.stack(seconds)


def _maximum_falls() -> float:
    falls = [-directions(n.gradients, amsgrad=True)[1].diff(dim=0).min() for n in draws()]
    return max(0.0, *map(float, falls))


def _larger_than_adam() -> float:
    larger = []
    for n in draws():
        (amsgrad, _), (adam, _) = (directions(n.gradients, amsgrad=a) for a in (True, False))
        larger.append(float((amsgrad.abs() - adam.abs()).max()))
    return max(0.0, *larger)


def _last_after_spike(*, amsgrad: bool) -> float:
    """Return the last of 400 steps for gradients of 1, except for the 10th, which is 100."""
    gradients = torch.ones(400, 1, dtype=torch.float64)
    gradients[9] = 100
    steps, _ = directions(gradients, amsgrad=amsgrad)
    return float(steps[-1])


def _adam_recovers() -> float:
    return abs(1 - _last_after_spike(amsgrad=False))


def _amsgrad_recovers() -> float:
    return abs(1 - _last_after_spike(amsgrad=True))


def _denominator_falls() -> float:
    # The maximum of v is 1 − β2 after both gradients, and the correction 1 − β2^t grows.
    _, v_max = directions(torch.tensor([[1.0], [0.0]]).double(), amsgrad=True)
    beta2 = BETAS["beta2"]
    first, second = (math.sqrt(float(v_max[t - 1]) / (1 - beta2**t)) for t in (1, 2))
    return abs(second / first - 1 / math.sqrt(1 + beta2))


CLAIMS = (
    Claim("AMSGrad", "The maximum of v never falls", _maximum_falls),
    Claim("AMSGrad", "For the same gradients, no step is larger than Adam's", _larger_than_adam),
    Claim(
        "AMSGrad",
        "After one gradient of 100 among gradients of 1, Adam's step returns to its size",
        _adam_recovers,
    ),
    Claim(
        "AMSGrad",
        "The maximum keeps steps from shrinking: AMSGrad's returns to its size, too",
        _amsgrad_recovers,
        is_true=False,
    ),
    Claim(
        "AMSGrad",
        "For g = 1, 0 torch's denominator √(v_max/(1 − β2^t)) falls, by the factor 1/√(1 + β2)",
        _denominator_falls,
    ),
)
