"""The share of a surface's variance that a smaller linear model explains, corrected for noise.

Let Y be values of shape (settings, seeds) with mean y over seeds, and let a smaller linear model of
the settings be nested in a larger one. The smaller model explains A = ‖P_small y − mean‖², the
larger one I = ‖(P_large − P_small) y‖² more; the share is A / (A + I). Noise adds to both, because
a mean over few seeds is never smooth. It is subtracted as in the analysis of variance of repeated
measures (Girden 1992): each seed is a subject, and each component is compared with its
variation over seeds, so an offset that all settings of a seed share has no effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from adamcmp.analysis.estimates import ALPHA, Floats
from adamcmp.analysis.intervals import ConfidenceInterval

#: Quadrature nodes of the average over the unknown noise variance.
_NODES = 100


def variance_share(
    values: Floats, small: Floats, large: Floats, base: Floats | None = None
) -> ConfidenceInterval | None:
    """Estimate the share A / (A + I), corrected for noise, with its interval.

    The intervals of A and of I are combined by the method of variance estimates recovery (Zou &
    Donner 2008, Statistics in Medicine 27, 1693-1702): a share s is inside when 0 is inside the
    interval of s·I − (1 − s)·A.

    Args:
        values: Shape (settings, seeds).
        small: Design matrix of the smaller model, (settings, columns); spans the constant.
        large: Design matrix of the larger model, which spans the smaller one.
        base: Design matrix of effects that are credited to neither model, within the span of the
            smaller one; None selects the constant.

    Returns:
        None if a model adds nothing to the one nested in it. The estimate is NaN if no variance
        exceeds the noise. With one seed, it is not corrected for noise. With one seed, or if
        seeds do not differ, the bounds are NaN.
    """
    base = np.ones((len(values), 1)) if base is None else base
    explained = squared_length(_basis(small, base).T @ values)
    rest = squared_length(_basis(large, small).T @ values)
    if explained is None or rest is None:
        return None
    total = explained.estimate + rest.estimate
    estimate = explained.estimate / total if total > 0 else float("nan")
    if np.isnan([explained.low, rest.low]).any():
        return estimate, float("nan"), float("nan")
    s = np.linspace(0, 1, 1001)
    difference = s * rest.estimate - (1 - s) * explained.estimate
    down = np.hypot(s * (rest.estimate - rest.low), (1 - s) * (explained.high - explained.estimate))
    up = np.hypot(s * (rest.high - rest.estimate), (1 - s) * (explained.estimate - explained.low))
    # The interval contains the estimate also if that lies between two points of s.
    inside = np.append(s[(difference - down <= 0) & (difference + up >= 0)], estimate)
    return estimate, float(np.nanmin(inside)), float(np.nanmax(inside))


@dataclass(frozen=True)
class SquaredLength:
    """A squared length with its 95 % interval."""

    estimate: float
    low: float
    high: float


def _basis(larger: Floats, smaller: Floats) -> Floats:
    """Return an orthonormal basis of the span of a design orthogonal to a smaller one."""
    # Directions with smaller singular values than these bounds are rounding errors.
    left, sizes, _ = np.linalg.svd(smaller, full_matrices=False)
    inner = left[:, sizes > 1e-10 * sizes[0]]
    rest = larger - inner @ (inner.T @ larger)
    left, sizes, _ = np.linalg.svd(rest, full_matrices=False)
    return left[:, sizes > 1e-8 * np.linalg.norm(larger)]


def squared_length(components: Floats) -> SquaredLength | None:
    """Estimate the squared length of a mean vector over seeds, corrected for noise.

    With noise N(0, σ²) over seeds in each of d directions, R·‖mean‖²/σ² is noncentral χ² with d
    degrees of freedom; σ² is estimated by a χ² of (R − 1)·d degrees, over which the noncentral one
    is averaged. At length 0 this is the F test, far from it the t-interval.

    Args:
        components: Shape (directions, seeds).

    Returns:
        None without directions.
    """
    directions, seeds = components.shape
    if not directions:
        return None
    mean = components.mean(axis=1)
    length = float(mean @ mean)
    if seeds < 2:
        return SquaredLength(length, np.nan, np.nan)
    degrees = (seeds - 1) * directions
    noise = float(((components - mean[:, None]) ** 2).sum()) / degrees / seeds
    estimate = max(length - directions * noise, 0.0)
    if noise <= 1e-20 * length or noise == 0:  # the spread is rounding error
        return SquaredLength(estimate, np.nan, np.nan)
    low, high = _length_interval(length, noise, directions, degrees)
    return SquaredLength(min(max(estimate, low), high), low, high)


def _length_interval(
    length: float, noise: float, directions: int, degrees: int
) -> tuple[float, float]:
    """Return the interval of a squared length by inverting its distribution."""
    # Midpoints of intervals of equal probability, so that all nodes have the same weight.
    nodes = stats.chi2.ppf((np.arange(_NODES) + 0.5) / _NODES, degrees) / degrees
    scale = nodes / noise

    def cdf(size: float) -> float:
        """Return the probability of a length up to the observed one when the true one is `size`."""
        # chndtr(x, df, nc) with x and nc in units of the noise at each node
        return float(special.chndtr(length * scale, directions, size * scale).mean())

    def quantile(probability: float) -> float:
        if cdf(0.0) <= probability:
            return 0.0
        top = length + noise
        while cdf(top) > probability:
            top *= 2
        return float(optimize.brentq(lambda c: cdf(c) - probability, 0, top, rtol=1e-6))

    return quantile(1 - ALPHA / 2), quantile(ALPHA / 2)
