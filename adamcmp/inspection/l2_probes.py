"""Probes of an L2 penalty: a multiple of the weights that is added to the gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adamcmp.inspection.decay_probes import (
    CONSTANT,
    LAST_QUARTER,
    STEPS,
    odd_part,
    resolution,
    step_sizes,
    tolerance,
)
from adamcmp.inspection.problem import constant_gradient, opposed_gradients, weights
from adamcmp.inspection.subjects import Subject

#: The decades in which the coefficient is searched, and the steps of bisection.
_DECADES, _BISECTIONS = (-12.0, 4.0), 40


def l2_coefficient(subject: Subject) -> float | None:
    """Return λ if the optimizer adds λ·θ to the gradients before anything else; otherwise None.

    With L2, g ← g + λ·θ, weights θ with gradients h − λ·θ move as weights 0 with gradients h. The
    odd part then vanishes in every step, for every h and schedule, whatever the update rule is. The
    only candidate for λ is the r for which gradients −r·θ leave the weights where they are. The
    penalty is that of Loshchilov & Hutter 2019, Algorithms 1 and 2, line 6.
    """
    theta = weights(subject.shape)
    # One step more than the optimizer needs to move the weights at all.
    steps = 2 + next((t for t, size in enumerate(step_sizes(subject)) if size), 0)

    def growth(r: float) -> float:
        updates = subject.updates(theta, [-r * theta] * steps, [1.0] * steps)
        return float((updates.sum(0) * theta).sum())

    at_rest = growth(0.0)
    if abs(at_rest) <= resolution(subject):
        return None
    sign = -1.0 if at_rest > 0 else 1.0  # weights grow if the penalty has the wrong sign
    candidate = _bisect(lambda r: sign * growth(sign * r))
    if candidate is None:
        return None
    sizes = (candidate, 30 * candidate)
    # People choose numbers of few digits. The last one matters to rules such as SOAP, whose steps
    # are large where the gradients are almost 0.
    for penalty in (sign * float(f"{candidate:.9g}"), sign * candidate):
        if _is_l2(subject, penalty, sizes, cautious=False):
            return penalty
    return None


def cautious_l2_coefficient(subject: Subject) -> float | None:
    """Return λ if λ·θ is added to the gradients only where they agree with θ in sign.

    As in `l2_coefficient`, which must have returned None, but the gradients must be larger than the
    penalty. They fall after the first step, since many update rules do not react to the size of a
    constant gradient. The mask is that of Chen et al. 2025 (arXiv 2510.12402), applied to L2.
    """
    theta, gradient = weights(subject.shape), constant_gradient(subject.shape)
    gradients = [10 * gradient, *[3 * gradient] * (STEPS - 1)]

    def growth(r: float) -> float:
        odd = odd_part(subject, gradients, CONSTANT, penalty=r, cautious=True)
        return float((odd.sum(0) * theta).sum())

    candidate = _bisect(growth, high=0.0)
    if candidate is None:
        return None
    sizes = (10 * candidate, 30 * candidate)
    return candidate if _is_l2(subject, candidate, sizes, cautious=True) else None


def _is_l2(subject: Subject, penalty: float, sizes: Sequence[float], *, cautious: bool) -> bool:
    """Return whether the odd part vanishes without a penalty, under gradients of several sizes."""
    for seed, size in enumerate(sizes):
        gradients = opposed_gradients(subject.shape, STEPS, size, seed)
        with_l2 = odd_part(subject, gradients, LAST_QUARTER)
        without = odd_part(subject, gradients, LAST_QUARTER, penalty=penalty, cautious=cautious)
        if without.norm() > tolerance(subject) * with_l2.norm() + resolution(subject):
            return False
    return True


def _bisect(function: Callable[[float], float], high: float = _DECADES[1]) -> float | None:
    """Return where an increasing function of a positive number changes its sign; None if nowhere.

    Args:
        function: The function.
        high: The end of the search, in decades.
    """
    low = _DECADES[0]
    if function(10**low) >= 0 or function(10**high) <= 0:
        return None
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if function(10**middle) < 0:
            low = middle
        else:
            high = middle
    return float(10 ** ((low + high) / 2))
