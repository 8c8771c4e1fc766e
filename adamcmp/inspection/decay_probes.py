"""Probes of what the weights themselves do to the updates of an optimizer.

The updates from weights θ and −θ under the same gradients differ only by what depends on the
weights; half their difference is called the odd part. See `problem` for the choice of weights and
gradients, with which this also holds for optimizers that use norms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from adamcmp.inspection.problem import (
    constant_gradient,
    opposed_gradients,
    random_gradients,
    weights,
)
from adamcmp.inspection.subjects import Subject

#: Steps of a probe. Some optimizers do not move the weights in the first steps, RAdam in five.
STEPS = 9
CONSTANT = (1.0,) * STEPS
#: The learning rates of a probe, divided by the initial one: the last step's is a quarter.
LAST_QUARTER = (*CONSTANT[1:], 0.25)


def resolution(subject: Subject) -> float:
    """Return the size of an odd part that is rounding."""
    return 16 * torch.finfo(subject.dtype).eps


def tolerance(subject: Subject) -> float:
    """Return the largest relative difference of two measured numbers that are called equal."""
    return 1e-4 if subject.dtype == torch.float64 else 3e-2


def odd_part(
    subject: Subject,
    gradients: Sequence[Tensor],
    multipliers: Sequence[float],
    *,
    scale: float = 1.0,
    penalty: float = 0.0,
    cautious: bool = False,
) -> Tensor:
    """Return half the difference of the updates from θ and −θ, (steps, *shape).

    Args:
        subject: The optimizer.
        gradients: The gradients.
        multipliers: The learning rate of each step divided by the initial one.
        scale: The weights are multiplied by this.
        penalty: This multiple of the weights is subtracted from the gradients.
        cautious: Subtract it only where gradient and weight agree in sign.
    """
    theta = scale * weights(subject.shape)
    plus, minus = (
        subject.updates(
            start, [_without_penalty(g, start, penalty, cautious) for g in gradients], multipliers
        )
        for start in (theta, -theta)
    )
    return (plus - minus) / 2


def _without_penalty(gradient: Tensor, theta: Tensor, penalty: float, cautious: bool) -> Tensor:
    mask = gradient.sign() == theta.sign() if cautious else torch.ones_like(theta)
    return gradient - penalty * theta * mask


def depends_on_weights(subject: Subject) -> bool:
    """Return whether the updates depend on the weights, with gradients or without."""
    gradients = opposed_gradients(subject.shape, STEPS)
    for size in (0.0, 1e-3, 1.0):
        odd = odd_part(subject, [size * g for g in gradients], CONSTANT)
        if odd.abs().max() > resolution(subject):
            return True
    return False


def is_multiple_of_weights(subject: Subject) -> bool:
    """Return whether the odd part is a multiple of the weights under unequal gradients."""
    theta = weights(subject.shape)
    odd = odd_part(subject, opposed_gradients(subject.shape, STEPS), CONSTANT)
    rest = odd + _shares(odd, theta).reshape(-1, *[1] * theta.ndim) * theta
    return bool(rest.norm() <= tolerance(subject) * odd.norm())


def shares(
    subject: Subject,
    multipliers: Sequence[float] = CONSTANT,
    *,
    size: float = 1.0,
    scale: float = 1.0,
) -> list[float]:
    """Return the share c by which each step shrinks the weights, θ ← θ − c·θ.

    The gradients are constant, of one absolute value. For the decay of Loshchilov & Hutter 2019
    (Algorithms 1 and 2, last line), c does not depend on them; for an L2 penalty before an adaptive
    rule it does (Proposition 2).

    Args:
        subject: The optimizer.
        multipliers: The learning rate of each step divided by the initial one.
        size: The size of the gradients.
        scale: The size of the weights.
    """
    gradients = [constant_gradient(subject.shape, size)] * len(multipliers)
    odd = odd_part(subject, gradients, multipliers, scale=scale)
    return _shares(odd, scale * weights(subject.shape)).tolist()


def _shares(odd: Tensor, theta: Tensor) -> Tensor:
    return -(odd * theta).flatten(1).sum(1) / theta.square().sum()


def step_sizes(subject: Subject, *, size: float = 1.0, scale: float = 1.0) -> list[float]:
    """Return the root mean square of the part of each step that the gradient causes.

    The arguments are those of `shares`.
    """
    theta = scale * weights(subject.shape)
    gradients = [constant_gradient(subject.shape, size)] * STEPS
    plus, minus = (subject.updates(start, gradients, CONSTANT) for start in (theta, -theta))
    return ((plus + minus) / 2).flatten(1).square().mean(1).sqrt().tolist()


def share_by_agreement(subject: Subject) -> tuple[float, float]:
    """Return the decay of weights with the sign of their gradient, and of the others.

    Measured by doubling the weights under the same gradients. With the mask of Chen et al. 2025
    (arXiv 2510.12402), the others do not decay.
    """
    gradient, theta = constant_gradient(subject.shape), weights(subject.shape)
    single, double = (
        subject.updates(scale * theta, [gradient] * STEPS, CONSTANT)[-1] for scale in (1.0, 2.0)
    )
    by_weight = -(double - single) / theta
    agree = theta.sign() == gradient.sign()
    return float(by_weight[agree].mean()), float(by_weight[~agree].mean())


def follows_schedule(subject: Subject) -> bool:
    """Return whether a change of the learning rate during the run changes any update."""
    gradient, theta = constant_gradient(subject.shape), weights(subject.shape)
    kept, changed = (
        subject.updates(theta, [gradient] * STEPS, multipliers)
        for multipliers in (CONSTANT, LAST_QUARTER)
    )
    return not kept.equal(changed)


def constant_norm(subject: Subject) -> str | None:
    """Return whose norm no step changes: ``tensor``, ``rows``, ``columns``; None if all change.

    Norm-constrained optimizers (Hyperball, arXiv 2606.16899; Nero, arXiv 2102.07227) do. Measured
    on weights that move under random gradients, after the first step. A move of size d
    changes the norm by about d divided by the root of the number of weights.
    """
    theta = weights(subject.shape)
    gradients = random_gradients(subject.shape, STEPS)
    path = theta + subject.updates(theta, gradients, CONSTANT, free=True).cumsum(0)
    moved = (path[-1] - path[0]).norm() / theta.norm()
    if moved < 1e3 * resolution(subject):
        return None
    matrices = path.reshape(len(path), path.shape[1], -1)
    norms = {
        "rows": matrices.norm(dim=2),
        "columns": matrices.norm(dim=1),
        "tensor": matrices.flatten(1).norm(dim=1),
    }
    constant = (name for name, n in norms.items() if ((n / n[0] - 1).abs() < 1e-3 * moved).all())
    return next(constant, None)


def exponent(before: float, after: float, factor: float) -> float:
    """Return p for which a multiplication by `factor` multiplied a number by factor^p.

    Integers are returned without the error of measurement.
    """
    if before == 0 or not after / before > 0:
        return math.nan
    power = math.log(after / before) / math.log(factor)
    return float(round(power)) if abs(power - round(power)) < 1e-2 else round(power, 3)
