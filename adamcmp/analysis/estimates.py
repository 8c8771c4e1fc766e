"""Estimates over seeds with their intervals and tests.

Each function takes arrays whose last dimension runs over seeds. The methods were selected by
simulation (``scripts/simulate_verdicts``; docs/statistics.md has the tables). If all values
are equal, their spread cannot be estimated, so bounds and p-values are NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Floats = npt.NDArray[np.float64]

#: The level of tests; intervals have coverage 1 − ALPHA.
ALPHA = 0.05
#: Relative spread below which values count as equal: rounding error.
_ROUNDING = 1e-12


class Estimate(NamedTuple):
    """An estimate with its 95 % interval, standard error and degrees of freedom.

    Attributes:
        value: The estimate.
        low: The lower end of the interval; NaN if there is no interval.
        high: Its upper end.
        error: The standard error.
        df: Degrees of freedom.
    """

    value: Floats
    low: Floats
    high: Floats
    error: Floats
    df: Floats

    @property
    def p_value(self) -> Floats:
        """The two-sided p-value of Student's test that the true value is 0."""
        return two_sided(self.value, self.error, self.df)


_NAN = np.asarray(np.nan)
#: The estimate from no values.
NO_ESTIMATE = Estimate(_NAN, _NAN, _NAN, _NAN, _NAN)


def two_sided(value: npt.ArrayLike, error: npt.ArrayLike, df: npt.ArrayLike) -> Floats:
    """Return the two-sided p-value of ``value / error`` under Student's t distribution."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p: Floats = 2 * stats.t.sf(np.abs(np.divide(value, error)), df)
    return p


def standard_deviation(values: Floats) -> Floats:
    """Return the standard deviation (n − 1) over seeds.

    Args:
        values: Shape (..., seeds).

    Returns:
        Shape (...); NaN for one seed, and where all values are equal up to rounding.
    """
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    sd = values.std(axis=-1, ddof=1)
    size = np.abs(values).max(axis=-1)
    return np.where(sd > _ROUNDING * size, sd, np.nan)


def mean(values: Floats) -> Estimate:
    """Estimate a mean over seeds, or the mean of paired differences, with Student's interval.

    Intervals that correct for skewness have slightly better coverage of skewed noise, but at the
    numbers of seeds of a study they can be several times as wide, and far from the values.

    >>> estimate = mean(np.array([0.20, 0.22, 0.21]))
    >>> print(f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]")
    0.210 [0.185, 0.235]

    Args:
        values: Shape (..., seeds): of one arm, or a minus b, seed by seed. Two runs of one seed
            share initial weights and batches, so the skewness of noise that has the same shape in
            both arms cancels in their difference.
    """
    n = values.shape[-1]
    error = standard_deviation(values) / np.sqrt(n)
    return _student(values.mean(axis=-1), error, np.full(error.shape, float(n - 1)))


def unpaired_difference(a: Floats, b: Floats) -> Estimate:
    """Estimate the difference of two means over different seeds, with Welch's interval.

    Welch (1947), Biometrika 34(1-2), 28-35.

    Args:
        a: Shape (..., seeds of a).
        b: Shape (..., seeds of b).
    """
    # An arm whose values are all equal adds no variance to that of the other arm.
    variances = [np.nan_to_num(standard_deviation(x) ** 2 / x.shape[-1]) for x in (a, b)]
    single = min(a.shape[-1], b.shape[-1]) < 2
    total = np.where(single, np.nan, variances[0] + variances[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [v**2 / (x.shape[-1] - 1) for v, x in zip(variances, (a, b), strict=True)]
        # The degrees of freedom of Welch and Satterthwaite.
        df = total**2 / (shares[0] + shares[1])
    error = np.sqrt(np.where(total > 0, total, np.nan))
    return _student(a.mean(axis=-1) - b.mean(axis=-1), error, df)


def _student(value: Floats, error: Floats, df: Floats) -> Estimate:
    half = stats.t.ppf(1 - ALPHA / 2, np.where(df > 0, df, np.nan)) * error
    return Estimate(value, value - half, value + half, error, df)


def holm(p_values: npt.ArrayLike) -> Floats:
    """Correct p-values for multiple comparisons.

    Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]

    Args:
        p_values: Shape (comparisons,); NaN is not counted as a comparison and remains NaN.
    """
    p = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected = np.full(p.shape, np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def paired_effect_size(differences: Floats) -> Floats:
    """Return Hedges' g_z: the mean difference in standard deviations of the differences.

    Cohen's d_z (Lakens 2013, Frontiers in Psychology 4:863) times Hedges' exact correction for
    few seeds (Hedges 1981, Journal of Educational Statistics 6(2), 107-128).

    Args:
        differences: Shape (..., seeds).
    """
    d = differences.mean(axis=-1) / standard_deviation(differences)
    return np.asarray(d * _hedges_correction(differences.shape[-1] - 1))


def unpaired_effect_size(a: Floats, b: Floats) -> Floats:
    """Return Hedges' g: the difference of means in pooled standard deviations (Hedges 1981).

    Args:
        a: Shape (..., seeds of a).
        b: Shape (..., seeds of b).
    """
    n, m = a.shape[-1], b.shape[-1]
    variances = [standard_deviation(x) ** 2 for x in (a, b)]
    pooled = ((n - 1) * variances[0] + (m - 1) * variances[1]) / max(n + m - 2, 1)
    d = (a.mean(axis=-1) - b.mean(axis=-1)) / np.sqrt(pooled)
    return np.asarray(d * _hedges_correction(n + m - 2))


def _hedges_correction(df: int) -> float:
    # The correction contains Γ((df − 1)/2), which is infinite for df = 1.
    if df < 2:
        return float("nan")
    logs = special.gammaln(df / 2) - special.gammaln((df - 1) / 2)
    return float(np.exp(logs) / np.sqrt(df / 2))


def proportion(successes: npt.ArrayLike, n: int) -> tuple[Floats, Floats, Floats]:
    """Return a proportion and the ends of its interval (Wilson 1927, JASA 22, 209-212).

    Args:
        successes: Number of successes in `n` trials; a tie counts as half.
        n: Number of trials.
    """
    z = stats.norm.ppf(1 - ALPHA / 2)
    share = np.asarray(successes, dtype=float) / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share, centre - half, centre + half
