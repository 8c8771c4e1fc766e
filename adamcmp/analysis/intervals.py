"""95 % intervals over seeds for statistics that are not means: jackknife and Fieller's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from adamcmp.analysis import estimates
from adamcmp.analysis.estimates import ALPHA, Floats

#: (estimate, ci_low, ci_high); the bounds are NaN for one seed, or if seeds do not differ.
ConfidenceInterval = tuple[float, float, float]


def jackknife(statistic: Callable[[NDArray[np.intp]], float], n: int) -> ConfidenceInterval:
    """Estimate a statistic over all seeds, with its jackknife interval.

    Tukey (1958), Annals of Mathematical Statistics 29, 614; Miller (1974), Biometrika 61, 1-15.

    Args:
        statistic: Computes the statistic from the indices of the seeds to use.
        n: The number of seeds.
    """
    indices = np.arange(n)
    estimate = statistic(indices)
    if n < 2:
        return estimate, float("nan"), float("nan")
    leave_one_out = np.array([statistic(np.delete(indices, i)) for i in indices])
    pseudovalues = estimates.mean(n * estimate - (n - 1) * leave_one_out)
    half = float(pseudovalues.high - pseudovalues.low) / 2
    return estimate, estimate - half, estimate + half


def direction(vectors: Floats) -> ConfidenceInterval:
    """Estimate the angle of the mean of vectors in the plane, with Fieller's interval.

    The interval contains the directions across which the component of the mean is not
    significantly different from 0 (Fieller 1954, JRSS B 16, 175-185).

    Args:
        vectors: Shape (2, seeds).

    Returns:
        Radians. If the mean is not significantly different from 0, every direction is possible,
        and the interval is ±π around the estimate.
    """
    n = vectors.shape[1]
    centre = vectors.mean(axis=1)
    angle = float(np.arctan2(centre[1], centre[0]))
    if n < 2:
        return angle, float("nan"), float("nan")
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    # The covariance of the mean along and across its direction, times t².
    noise = rotation @ np.cov(vectors) @ rotation.T * stats.t.ppf(1 - ALPHA / 2, n - 1) ** 2 / n
    a = centre @ centre - noise[0, 0]
    if a <= 0:
        return angle, angle - np.pi, angle + np.pi
    # Deviations with tangent τ are inside where a·τ² + 2b·τ − c ≤ 0.
    b, c = noise[0, 1], noise[1, 1]
    root = np.sqrt(b * b + a * c)
    return angle, angle + np.arctan((-b - root) / a), angle + np.arctan((-b + root) / a)
