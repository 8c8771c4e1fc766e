"""The number of seeds that a comparison needs, and the difference that it can detect."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from adamcmp.analysis.estimates import ALPHA

#: The probability with which the test should detect a true difference.
POWER = 0.8
#: Larger numbers of seeds are returned as infinity.
_MOST_SEEDS = 10**7


def seeds_for_power(
    size: float,
    alpha: Callable[[int], float] = lambda n: ALPHA,
    groups: int = 1,
    constant_variance: float = 0.0,
) -> float:
    """Return the number of seeds at which Student's test detects a difference with 80 % power.

    Exact power of the two-sided test, from the noncentral t distribution (Cohen 1988, Statistical
    Power Analysis, 2nd ed.); with `constant_variance` an approximation.

    >>> seeds_for_power(1.0)
    10

    Args:
        size: The true difference in standard deviations: of the differences if seeds are
            paired, else of one optimizer's runs.
        alpha: The level of a test with some number of seeds.
        groups: 1 if seeds are paired, else 2; the result is then the number of seeds per group.
        constant_variance: Variance of the difference that more evaluation seeds do not reduce, such
            as that of the test examples, in units of the squared standard deviation.

    Returns:
        The number of seeds; infinity if no number is enough.

    Raises:
        ValueError: If `size` is 0 or not finite.
    """
    if not np.isfinite(size) or size == 0:
        raise ValueError(f"No number of seeds detects a difference of {size} standard deviations.")

    def is_enough(n: int) -> bool:
        centre = abs(size) / np.sqrt(groups / n + constant_variance)
        # The degrees of freedom are n − 1 if seeds are paired, else 2(n − 1).
        return _power(centre, groups * (n - 1), alpha(n)) >= POWER

    if not is_enough(_MOST_SEEDS):
        return np.inf
    return _least(is_enough)


def detectable_difference(error: float, df: float, alpha: float = ALPHA) -> float:
    """Return the smallest true difference that a test detects with 80 % power.

    >>> print(f"{detectable_difference(error=1 / 10**0.5, df=9):.2f} standard deviations")
    1.00 standard deviations

    Args:
        error: The standard error of the difference.
        df: Its degrees of freedom.
        alpha: The level of the test.

    Returns:
        NaN if the standard error or the degrees of freedom are unknown.
    """
    if not (error > 0 and df > 0):
        return float("nan")

    def excess(centre: float) -> float:
        return _power(centre, df, alpha) - POWER

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return float(optimize.brentq(excess, 0, high)) * error


def _power(centre: float, df: float, alpha: float) -> float:
    """Return the power of the two-sided test if t has a noncentral t distribution."""
    critical = stats.t.ppf(1 - alpha / 2, df)
    # scipy returns NaN for the opposite tail if it is below about 1e-19.
    opposite = np.nan_to_num(stats.nct.cdf(-critical, df, centre))
    return float(stats.nct.sf(critical, df, centre) + opposite)


def _least(is_enough: Callable[[int], bool]) -> int:
    """Return the least number from 2 on that is enough, if all larger numbers are enough too."""
    high = 2
    while not is_enough(high):
        high *= 2
    low = high // 2  # not enough, or 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
