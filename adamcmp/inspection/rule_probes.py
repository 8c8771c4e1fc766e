"""Probes of the update rule: what it does with gradients, apart from weight decay.

The weights are set back to 0 before each step, so that neither an L2 penalty nor a decay acts. The
size of a step is its root mean square over the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from adamcmp.inspection.problem import constant_gradient, opposed_gradients, weights
from adamcmp.inspection.subjects import ProbeFailed, Subject

#: Steps after which rules that do not move at first, such as RAdam, do.
STEPS = 12
#: Sizes of gradients at which ε is looked for.
_EPS_SIZES = 10.0 ** np.arange(-20, 3)
#: A size at which ε does not matter.
_LARGE = 1e6


@dataclass(frozen=True)
class UpdateRule:
    """What an update rule does with gradients; None where it could not be measured.

    Attributes:
        gradient_exponent: The power of the size of the gradients that steps grow with: 1 for SGD, 0
            for Adam.
        momentum: Whether earlier gradients change a step.
        lr_in_momentum: Whether gradients are multiplied by the learning rate of their own step
            (Loshchilov & Hutter 2019, Algorithm 1), instead of by that of the step taken.
        sign: Whether all weights move by the same amount, as for Lion.
        eps: ε.
        eps_in_root: Whether ε is added to the mean square, √(v + ε), instead of to its root,
            √v + ε.
        bias_correction: Whether the running averages are corrected for their start at 0.
        maximum_kept: Whether the denominator keeps its maximum, as for AMSGrad.
        squares_summed: Whether squares are summed instead of averaged, as for Adagrad.
        copies_weights: Whether the optimizer keeps another sequence of weights, as schedule-free
            ones do. Weights that are set back to 0 are not those of its steps then, so that nothing
            else is measured.
    """

    gradient_exponent: float | None = None
    momentum: bool | None = None
    lr_in_momentum: bool | None = None
    sign: bool | None = None
    eps: float | None = None
    eps_in_root: bool | None = None
    bias_correction: bool | None = None
    maximum_kept: bool | None = None
    squares_summed: bool | None = None
    copies_weights: bool = False

    @property
    def is_normalized(self) -> bool:
        """Whether the size of the steps does not depend on that of the gradients, up to ε."""
        return self.gradient_exponent is not None and abs(self.gradient_exponent) < 0.05


def measure_rule(subject: Subject) -> UpdateRule:
    """Measure what an optimizer does with gradients."""
    try:
        return UpdateRule(copies_weights=True) if _copies_weights(subject) else _measured(subject)
    except ProbeFailed:  # for example since the norm of the weights is 0
        return UpdateRule()


def _copies_weights(subject: Subject) -> bool:
    """Return whether weights that are changed from outside move back to those before the change.

    Without gradients and at a small learning rate, other optimizers hardly move.
    """
    theta, zero = weights(subject.shape), torch.zeros(subject.shape, dtype=torch.float64)
    changed = subject.updates([zero, theta], [zero, zero], [1e-3, 1e-3])[-1]
    unchanged = subject.updates([theta, theta], [zero, zero], [1e-3, 1e-3])[-1]
    return bool((changed - unchanged).norm() > 0.1 * theta.norm())


def _measured(subject: Subject) -> UpdateRule:
    sizes = _sizes(subject, [constant_gradient(subject.shape)] * STEPS)
    larger = _sizes(subject, [100 * constant_gradient(subject.shape)] * STEPS)
    if not sizes[-1] or not larger[-1]:
        return UpdateRule()
    power = float(np.log(larger[-1] / sizes[-1]) / np.log(100))
    momentum, in_momentum = _momentum(subject)
    rule = UpdateRule(round(power, 2), momentum, in_momentum)
    if not rule.is_normalized:
        return rule
    if _is_sign(subject):
        return replace(rule, sign=True)
    if not _remembers_size(subject):
        return replace(rule, sign=False)
    eps, in_root = _eps(subject)
    summed = _squares_summed(sizes)
    return replace(
        rule,
        sign=False,
        eps=eps,
        eps_in_root=in_root,
        bias_correction=None if summed else _bias_correction(sizes),
        maximum_kept=not summed and _maximum_kept(subject),
        squares_summed=summed,
    )


def _updates(
    subject: Subject, gradients: Sequence[Tensor], multipliers: Sequence[float] | None = None
) -> Tensor:
    zeros = torch.zeros(subject.shape, dtype=torch.float64)
    return subject.updates(zeros, gradients, multipliers or [1.0] * len(gradients))


def _sizes(
    subject: Subject, gradients: Sequence[Tensor], multipliers: Sequence[float] | None = None
) -> np.ndarray:
    """Return the size of each step."""
    updates = _updates(subject, gradients, multipliers)
    return np.asarray(updates.flatten(1).square().mean(1).sqrt())


def _momentum(subject: Subject) -> tuple[bool, bool | None]:
    """Return whether there is momentum, and whether the learning rate is inside it.

    After gradients, a step without one moves the weights by the momentum only. Half the learning
    rate halves this step if the momentum is multiplied by the present learning rate.
    """
    zero = torch.zeros(subject.shape, dtype=torch.float64)
    gradients = [*opposed_gradients(subject.shape, STEPS), zero]
    kept, halved = (_sizes(subject, gradients, [1.0] * STEPS + [last])[-1] for last in (1.0, 0.5))
    usual = _sizes(subject, gradients[:-1])[-1]
    if kept < 1e-9 * usual:
        return False, None
    ratio = halved / kept
    return True, False if abs(ratio - 0.5) < 1e-3 else True if abs(ratio - 1) < 1e-3 else None


def _is_sign(subject: Subject) -> bool:
    """Return whether weights with gradients of different size move by the same amount."""
    update = _updates(subject, opposed_gradients(subject.shape, STEPS))[-1].abs()
    return bool((update.max() - update.min()) < 1e-6 * update.max())


def _eps(subject: Subject) -> tuple[float | None, bool | None]:
    """Return ε, and whether it is inside the root.

    Under a constant gradient g, a normalized step has the size g/(g + ε) with ε outside the root
    and g/√(g² + ε) with ε inside, relative to that of large gradients. One of the two gives the
    same ε for all g. Kingma & Ba 2015 (Algorithm 1) add it outside; Zeiler 2012 (Adadelta) inside.
    """
    gradient = constant_gradient(subject.shape)
    large = _sizes(subject, [_LARGE * gradient] * STEPS)
    with np.errstate(divide="ignore", invalid="ignore"):  # the first steps may be 0
        ratios = np.array([_sizes(subject, [s * gradient] * STEPS) / large for s in _EPS_SIZES])
    near = (ratios[:, -1] > 0.03) & (ratios[:, -1] < 0.97)
    if near.sum() < 2:
        return None, None
    g, r = _EPS_SIZES[near, np.newaxis], ratios[near]
    for values, in_root in ((g * (1 / r - 1), False), (g**2 * (1 / r**2 - 1), True)):
        if _spread(values[:, -1]) < 1e-2:
            # With ε added before bias correction, or to a sum, its effect changes with the step.
            constant = _spread(values[:, STEPS // 2 :]) < 1e-2
            return float(f"{values[:, -1].mean():.3g}") if constant else None, in_root
    return None, None


def _spread(values: np.ndarray) -> float:
    return float(np.ptp(values) / values.mean())


def _bias_correction(sizes: np.ndarray) -> bool | None:
    """Return whether averages that start at 0 are corrected, from steps at a constant gradient.

    Corrected averages of a constant are the constant, and steps have equal size (Kingma & Ba 2015,
    section 3). Without correction, step t is proportional to (1 − β1^t)/√(1 − β2^t).
    """
    if np.ptp(sizes) < 1e-5 * sizes.mean():
        return True
    from scipy.optimize import least_squares

    t = np.arange(1, len(sizes) + 1)

    def residuals(betas: np.ndarray) -> np.ndarray:
        expected = (1 - betas[0] ** t) / np.sqrt(1 - betas[1] ** t)
        return np.asarray(sizes / sizes[-1] - expected / expected[-1])

    for start in ((0.0, 0.9), (0.0, 0.99), (0.9, 0.999)):
        fit = least_squares(residuals, start, bounds=(0, 1 - 1e-9), xtol=1e-15, ftol=1e-15)
        if np.abs(fit.fun).max() < 1e-6:
            return False
    return None


def _squares_summed(sizes: np.ndarray) -> bool:
    """Return whether steps at a constant gradient fall as 1/√t: squares are summed (Adagrad)."""
    scaled = sizes * np.sqrt(np.arange(1, len(sizes) + 1))
    return bool(np.ptp(scaled) < 1e-3 * scaled.mean())


def _remembers_size(subject: Subject) -> bool:
    """Return whether one large gradient makes the later steps smaller, as a denominator does."""
    gradient = constant_gradient(subject.shape)
    calm, after = (
        _sizes(subject, [gradient, spike * gradient, *[gradient] * 100])[2:] for spike in (1, 1e3)
    )
    return bool((after < 0.5 * calm).any())


def _maximum_kept(subject: Subject) -> bool:
    """Return whether the denominator keeps its maximum (Reddi, Kale & Kumar 2018, Algorithm 2).

    Among calm gradients, one is far larger. Some hundred steps later, an average has forgotten more
    of it the longer ago it was, and a maximum has not. The steps are compared at the same time
    after the start, so that bias correction does not differ.
    """
    gradient = constant_gradient(subject.shape)
    last = []
    for spike in (2, 150):
        sizes = [1e-3] * spike + [1e4] + [30.0] * (700 - spike)
        last.append(_sizes(subject, [size * gradient for size in sizes])[-1])
    calm = _sizes(subject, [30.0 * gradient] * STEPS)[-1]
    remembers = last[1] < 0.5 * calm
    return bool(remembers and abs(last[0] / last[1] - 1) < 1e-7)
