"""The share of a surface's variance that a smaller linear model explains, without the noise.

Let Y be values over cells × seeds, with mean surface y over seeds, and two linear models of the
cells, a smaller one inside a larger one. The smaller one explains A = ‖P_small y − mean‖², the
larger one I = ‖(P_large − P_small) y‖² more; the share is A / (A + I). Noise adds to both: a mean
over few seeds is never smooth. It is taken off as in the analysis of variance of repeated measures
(Girden 1992): each seed is a subject, and each part is judged against its own variation over seeds,
so that what all cells of a seed share does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from adamcmp.analysis.estimates import ALPHA, Floats
from adamcmp.analysis.intervals import ConfidenceInterval

#: Nodes of the average over what the noise may be.
_NODES = 100


def share(
    values: Floats, small: Floats, large: Floats, base: Floats | None = None
) -> ConfidenceInterval | None:
    """Return the share A / (A + I), noise taken off, with its interval.

    The intervals of A and of I are joined by the method of variance estimates recovery (Zou &
    Donner 2008): a share s is inside when 0 is inside the interval of s·I − (1 − s)·A.

    Args:
        values: SettingMatrix × seeds.
        small: Design matrix of the smaller model, cells × columns, the constant among its span.
        large: Design matrix of the larger one, which spans the smaller.
        base: Design matrix of what neither gets credit for, within the span of the smaller; the
            constant when None.

    Returns:
        None where a model has nothing to add to the one inside it. The estimate is NaN where no
        variance is left above the noise; with one seed it is the plain share, noise in it, and
        there is no interval, as where nothing varies over seeds.
    """
    base = np.ones((len(values), 1)) if base is None else base
    additive = _size(_basis(small, base).T @ values)
    rest = _size(_basis(large, small).T @ values)
    if additive is None or rest is None:
        return None
    total = additive.estimate + rest.estimate
    estimate = additive.estimate / total if total > 0 else float("nan")
    if np.isnan([additive.low, rest.low]).any():
        return estimate, float("nan"), float("nan")
    shares = np.linspace(0, 1, 1001)
    ours, theirs = shares, 1 - shares
    difference = ours * rest.estimate - theirs * additive.estimate
    down = np.hypot(ours * (rest.estimate - rest.low), theirs * (additive.high - additive.estimate))
    up = np.hypot(ours * (rest.high - rest.estimate), theirs * (additive.estimate - additive.low))
    inside = np.append(shares[(difference - down <= 0) & (difference + up >= 0)], estimate)
    return estimate, float(np.nanmin(inside)), float(np.nanmax(inside))


@dataclass(frozen=True)
class _Size:
    estimate: float
    low: float
    high: float


def _basis(larger: Floats, smaller: Floats) -> Floats:
    """Return an orthonormal basis of what a design spans beyond a smaller one."""
    inner = np.linalg.svd(smaller, full_matrices=False)
    own = inner[0][:, inner[1] > 1e-10 * inner[1][0]]
    rest = larger - own @ (own.T @ larger)
    left, sizes, _ = np.linalg.svd(rest, full_matrices=False)
    return left[:, sizes > 1e-8 * np.linalg.norm(larger)]


def _size(parts: Floats) -> _Size | None:
    """Return the squared length of a mean vector over seeds, noise taken off, with interval.

    With seeds' noise N(0, σ²) in each of d directions, R·‖mean‖²/σ² is noncentral χ² of d degrees;
    σ² is known by its own χ² of (R − 1)·d, over which the noncentral one is averaged: at a length
    of 0 this is the F test, far from it the t-interval.

    Args:
        parts: Directions × seeds.
    """
    directions, seeds = parts.shape
    if not directions:
        return None
    mean = parts.mean(axis=1)
    length = float(mean @ mean)
    if seeds < 2:
        return _Size(length, np.nan, np.nan)
    degrees = (seeds - 1) * directions
    noise = float(((parts - mean[:, None]) ** 2).sum()) / degrees / seeds
    estimate = max(length - directions * noise, 0.0)
    if noise <= 1e-20 * length or noise == 0:  # rounding is all there is
        return _Size(estimate, np.nan, np.nan)
    nodes = stats.chi2.ppf((np.arange(_NODES) + 0.5) / _NODES, degrees) / degrees

    def below(size: float) -> float:
        """Return the probability of a length up to ours when the true one's square is `size`."""
        # chndtr(x, df, nc) with x and nc in units of the noise that each node supposes
        scale = nodes / noise
        return float(special.chndtr(length * scale, directions, size * scale).mean())

    def end(probability: float) -> float:
        if below(0.0) <= probability:
            return 0.0
        top = length + noise
        while below(top) > probability:
            top *= 2
        return float(optimize.brentq(lambda c: below(c) - probability, 0, top, rtol=1e-6))

    low, high = end(1 - ALPHA / 2), end(ALPHA / 2)
    return _Size(min(max(estimate, low), high), low, high)
