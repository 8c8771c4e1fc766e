"""Estimates with their uncertainty; each takes arrays whose last axis runs over seeds.

Which method, and what was tried beside it, is decided by simulation (``scripts/simulate_verdicts``;
docs/statistics.md has its tables). Where values have no spread at all nothing can be said about how
they would spread: bounds and p-values are NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Floats = npt.NDArray[np.float64]

#: The level of tests; intervals are of 1 − ALPHA.
ALPHA = 0.05
POWER = 0.8
#: Fewest seeds from which a mean's skewness is told.
SKEWNESS_FROM = 5


class Estimate(NamedTuple):
    """An estimate with its 95 % interval and the spread that it rests on.

    Attributes:
        value: The estimate.
        low: The interval's lower end; NaN where it cannot be had.
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
        """The two-sided p-value of Student's test that the truth is 0."""
        return two_sided(self.value, self.error, self.df)


_NAN = np.asarray(np.nan)
#: The estimate from no values.
NOTHING = Estimate(_NAN, _NAN, _NAN, _NAN, _NAN)


def two_sided(value: npt.ArrayLike, error: npt.ArrayLike, df: npt.ArrayLike) -> Floats:
    """Return the two-sided p-value of ``value / error`` under Student's t."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p: Floats = 2 * stats.t.sf(np.abs(np.divide(value, error)), df)
    return p


def spread(values: Floats) -> Floats:
    """Return the standard deviation (n − 1); NaN for one value, or where all are the same.

    What rounding leaves of equal values is no spread.
    """
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    sd = values.std(axis=-1, ddof=1)
    size = np.abs(values).max(axis=-1)
    return np.where(sd > 1e-12 * size, sd, np.nan)


def mean(values: Floats) -> Estimate:
    """Return a mean over seeds with Willink's interval, Student's t corrected for skewness.

    Willink (2005), Communications in Statistics 34(4), 753-766: the cubic transformation of Hall
    (1992), JRSS B 54(1), 221-228, with quantiles of t. For fewer than five values Student's t,
    which fares no worse there and is narrower.

    Args:
        values: Shape (..., seeds).
    """
    plain = difference(values)
    n = values.shape[-1]
    if n < SKEWNESS_FROM:
        return plain
    third = ((values - plain.value[..., None]) ** 3).sum(axis=-1) * n / ((n - 1) * (n - 2))
    skew = third / (6 * n**2 * plain.error**3)  # Willink's a
    t = stats.t.ppf(1 - ALPHA / 2, n - 1)
    low, high = (plain.value - _untransformed(q, skew) * plain.error for q in (t, -t))
    return plain._replace(low=low, high=high)


def _untransformed(quantile: float, skew: Floats) -> Floats:
    """Return Willink's G, the inverse of the transformation that takes skewness away."""
    safe = np.where(np.abs(skew) < 1e-6, 1.0, skew)
    bent = (np.cbrt(1 + 6 * skew * (quantile - skew)) - 1) / (2 * safe)
    return np.where(np.abs(skew) < 1e-6, quantile, bent)


def difference(differences: Floats) -> Estimate:
    """Return the mean of paired differences with Student's interval.

    Two runs of one seed share initial weights and batches, and noise of one shape on both arms
    cancels its skewness in the difference: no method that was tried beside it was nearer 95 %.

    Args:
        differences: Shape (..., seeds): a minus b, seed by seed.
    """
    n = differences.shape[-1]
    error = spread(differences) / np.sqrt(n)
    return _student(differences.mean(axis=-1), error, np.full(error.shape, float(n - 1)))


def unpaired(a: Floats, b: Floats) -> Estimate:
    """Return the difference of two means over different seeds with Welch's interval.

    Welch (1947), Biometrika 34(1-2), 28-35.

    Args:
        a: Shape (..., seeds of a).
        b: Shape (..., seeds of b).
    """
    variances = [spread(x) ** 2 / x.shape[-1] for x in (a, b)]
    known = [np.nan_to_num(v) for v in variances]
    alone = min(a.shape[-1], b.shape[-1]) < 2
    total = np.where(alone, np.nan, known[0] + known[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [v**2 / (x.shape[-1] - 1) for v, x in zip(known, (a, b), strict=True)]
        df = total**2 / (shares[0] + shares[1])
    error = np.sqrt(np.where(total > 0, total, np.nan))
    return _student(a.mean(axis=-1) - b.mean(axis=-1), error, df)


def _student(value: Floats, error: Floats, df: Floats) -> Estimate:
    half = stats.t.ppf(1 - ALPHA / 2, np.where(df > 0, df, np.nan)) * error
    return Estimate(value, value - half, value + half, error, df)


def holm(p_values: npt.ArrayLike) -> Floats:
    """Return p-values corrected for many comparisons; those that are NaN stay so and do not count.

    Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.
    """
    p = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected = np.full(p.shape, np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def paired_effect(differences: Floats) -> Floats:
    """Return Hedges' g_z: the mean difference in standard deviations of the differences.

    Cohen's d_z (Lakens 2013, Frontiers in Psychology 4:863) times Hedges' exact correction for
    few seeds (Hedges 1981, Journal of Educational Statistics 6(2), 107-128).
    """
    d = differences.mean(axis=-1) / spread(differences)
    return np.asarray(d * _hedges(differences.shape[-1] - 1))


def unpaired_effect(a: Floats, b: Floats) -> Floats:
    """Return Hedges' g: the difference of means in pooled standard deviations, corrected alike."""
    n, m = a.shape[-1], b.shape[-1]
    pooled = ((n - 1) * spread(a) ** 2 + (m - 1) * spread(b) ** 2) / max(n + m - 2, 1)
    d = (a.mean(axis=-1) - b.mean(axis=-1)) / np.sqrt(pooled)
    return np.asarray(d * _hedges(n + m - 2))


def _hedges(df: int) -> float:
    if df < 2:
        return float("nan")
    logs = special.gammaln(df / 2) - special.gammaln((df - 1) / 2)
    return float(np.exp(logs) / np.sqrt(df / 2))


def proportion(wins: npt.ArrayLike, n: int) -> tuple[Floats, Floats, Floats]:
    """Return a proportion and its interval (Wilson 1927, JASA 22, 209-212).

    Args:
        wins: How many of `n`; a tie is half.
        n: Trials.
    """
    z = stats.norm.ppf(1 - ALPHA / 2)
    share = np.asarray(wins, dtype=float) / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share, centre - half, centre + half


#: As good as infinitely many.
_MOST_SEEDS = 10**7


def seeds_for_power(
    size: float, alpha: float = ALPHA, groups: int = 1, choice: float = 0.0
) -> float:
    """Return the fewest seeds at which Student's test finds a difference 80 % of the time.

    Exact power of the two-sided test, from the noncentral t distribution (Cohen 1988, Statistical
    Power Analysis, 2nd ed.); with `choice` close to it.

    Args:
        size: The true difference in standard deviations: of the differences where seeds are
            paired, of one optimizer's runs where they are not.
        alpha: The test's level.
        groups: 1 where seeds are paired; 2 where they are not, then seeds of each optimizer.
        choice: Variance of the difference that more seeds leave as it is, that of choosing
            settings anew, over the variance whose root `size` is counted in.

    Returns:
        Infinity where no number of seeds is enough.

    Raises:
        ValueError: When `size` is 0 or not finite.
    """
    if not np.isfinite(size) or size == 0:
        raise ValueError(f"no number of seeds finds a difference of {size} standard deviations")

    def enough(n: float) -> bool:
        df, centre = groups * (n - 1), abs(size) / np.sqrt(groups / n + choice)
        cut = stats.t.ppf(1 - alpha / 2, df)
        # scipy has no number for the other tail where it is far out, below 1e-19.
        other = np.nan_to_num(stats.nct.cdf(-cut, df, centre))
        return bool(stats.nct.sf(cut, df, centre) + other >= POWER)

    if not enough(_MOST_SEEDS):
        return np.inf
    high = 2
    while not enough(high):
        high *= 2
    low = high // 2  # not enough, or 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
