"""The share of a surface's variance that a smaller linear model explains, corrected for noise.

Let Y be values of shape (settings, seeds) with mean y over seeds, and let a smaller linear model of
the settings be nested in a larger one. The smaller model explains A = ‖P_small y − mean‖², the
larger one I = ‖(P_large − P_small) y‖² more; the share is A / (A + I). Noise adds to both, because
a mean over few seeds is never smooth. It is subtracted by comparing different seeds only: the mean
of y_j·P·y_k over pairs of seeds j ≠ k has no noise bias. An offset that all settings of a seed
share has no effect.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from adamcmp.analysis.estimates import ALPHA, Floats
from adamcmp.analysis.intervals import ConfidenceInterval

#: The shares that are tested for the interval.
_SHARES = np.linspace(0, 1, 1001)
#: Relative spread below which seeds count as equal.
_ROUNDING = 1e-12


def variance_share(
    values: Floats, small: Floats, large: Floats, base: Floats | None = None
) -> ConfidenceInterval | None:
    """Estimate the share A / (A + I), corrected for noise, with its interval.

    The interval contains the shares s at which s·I − (1 − s)·A is not significantly different from
    0 (Fieller 1954, JRSS B 16, 175-185). Its standard error allows for different noise at each
    setting: see `_standard_error`.

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
    explained, rest = _projection(small, base), _projection(large, small)
    if not explained.any() or not rest.any():
        return None
    lengths = _squared_length(explained, values), _squared_length(rest, values)
    positive = np.maximum(lengths, 0)
    estimate = float(positive[0] / positive.sum()) if positive.sum() > 0 else float("nan")
    difference = _SHARES * lengths[1] - (1 - _SHARES) * lengths[0]
    error, df = _standard_error(explained, rest, values)
    if np.isnan(error).any():
        return estimate, float("nan"), float("nan")
    inside = _SHARES[np.abs(difference) <= stats.t.ppf(1 - ALPHA / 2, df) * error]
    # The interval contains the estimate also if that lies between two of the shares.
    inside = np.append(inside, estimate)
    return estimate, float(np.nanmin(inside)), float(np.nanmax(inside))


def _projection(larger: Floats, smaller: Floats) -> Floats:
    """Return the projection onto the span of a design orthogonal to a smaller one."""
    # Directions with smaller singular values than these bounds are rounding errors.
    left, sizes, _ = np.linalg.svd(smaller, full_matrices=False)
    inner = left[:, sizes > 1e-10 * sizes[0]]
    rest = larger - inner @ (inner.T @ larger)
    left, sizes, _ = np.linalg.svd(rest, full_matrices=False)
    basis = left[:, sizes > 1e-8 * np.linalg.norm(larger)]
    return np.asarray(basis @ basis.T)


def _squared_length(projection: Floats, values: Floats) -> float:
    """Return the squared length of the projected mean over seeds, without noise bias.

    With one seed the noise is unknown, and not subtracted.
    """
    seeds = values.shape[1]
    products = values.T @ projection @ values
    if seeds == 1:
        return float(products[0, 0])
    return float((products.sum() - np.trace(products)) / (seeds * (seeds - 1)))


def _standard_error(explained: Floats, rest: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return the standard error of s·I − (1 − s)·A at each share s, with its degrees of freedom.

    s·I − (1 − s)·A is a quadratic form yᵀMy with M = s·P_rest − (1 − s)·P_explained. Over R seeds
    with noise of covariance Σ its estimate has the variance 4·(My)ᵀΣ(My)/R + 2·tr(MΣMΣ)/(R(R − 1)).
    In the first term, the two parts of y have the observed directions, and the lengths that they
    have if the share is s, as in a score test. Σ is diagonal: the variance at each setting over
    seeds, without the offset that all settings of a seed share.

    Returns:
        Two arrays like `_SHARES`; NaN for one seed, or if seeds do not differ.
    """
    settings, seeds = values.shape
    mean = values.mean(axis=1)
    deviations = values - mean[:, None]
    deviations = deviations - deviations.mean(axis=0)
    if seeds < 2 or np.abs(deviations).max() <= _ROUNDING * np.abs(values).max():
        return np.full_like(_SHARES, np.nan), np.full_like(_SHARES, np.nan)
    # The mean over settings takes up a part of the variance, spread evenly over them.
    variance = (deviations**2).sum(axis=1) / (seeds - 1) * settings / (settings - 1)
    total = sum(max(_squared_length(projection, values), 0) for projection in (explained, rest))
    directions = [_direction(projection, mean) for projection in (explained, rest)]
    gradient = np.outer(np.sqrt(_SHARES), directions[1])
    gradient -= np.outer(np.sqrt(1 - _SHARES), directions[0])
    parts = gradient**2 * variance
    linear = 4 * _SHARES * (1 - _SHARES) * total * parts.sum(axis=1) / seeds
    a, b = variance[:, None] * explained, variance[:, None] * rest
    trace = _SHARES**2 * np.vdot(b.T, b) + (1 - _SHARES) ** 2 * np.vdot(a.T, a)
    trace -= 2 * _SHARES * (1 - _SHARES) * np.vdot(a.T, b)
    quadratic = 2 * trace / (seeds * (seeds - 1))
    # Satterthwaite's degrees of freedom.
    df = (seeds - 1) * parts.sum(axis=1) ** 2 / (parts**2).sum(axis=1)
    return np.sqrt(linear + quadratic), df


def _direction(projection: Floats, mean: Floats) -> Floats:
    """Return the direction of the projected mean."""
    part = projection @ mean
    # Of a part that is a rounding error, the direction is unknown: spread it over all settings.
    if np.linalg.norm(part) <= _ROUNDING * np.linalg.norm(mean):
        part = np.sqrt(np.diag(projection))
    return np.asarray(part / np.linalg.norm(part))
