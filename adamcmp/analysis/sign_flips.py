"""Correction of p-values for several comparisons with one baseline, by flips of signs.

If the optimizers do not differ and the noise is symmetric, the differences of a seed from the
baseline are as likely as the same differences with all signs flipped. Flips of the signs of whole
seeds therefore give the distribution of the largest t statistic. They keep the correlation of
comparisons that share a baseline, and the noise of the comparisons may differ in size and shape.

A standard deviation of few seeds may be far too small. With many comparisons, the smallest ones
decide which t is largest, and they give false claims if the noise is skewed. So the median of the
observed standard deviations of all comparisons is the least that any t is computed with. Such a
lower limit is common in tests of many genes (Tusher, Tibshirani & Chu 2001, PNAS 98, 5116-5121).
The limit is the same for all flips. With a limit from the flipped differences, comparisons that
truly differ, whose standard deviations are larger in flips, would make the t of all others smaller
in flips than in the observed differences, and too many of these would seem significant. That the
limit depends on the observed signs makes the test approximate: see the simulations in
docs/statistics.md.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from adamcmp.analysis.estimates import Floats

#: With fewer seeds, no flips give a p-value below 0.05.
MIN_SEEDS = 6
#: All flips are enumerated for at most this number of seeds.
_ENUMERATED = 13


def max_t(p_values: Floats, differences: Floats, draws: int = 10_000) -> Floats:
    """Correct p-values of paired comparisons with one baseline.

    The step-down max-T procedure (Westfall & Young 1993, Resampling-Based Multiple Testing,
    section 2.6) with all flips of the seeds' signs, or a fixed draw of them: the share of flips
    in which the largest t is as large as the observed one.

    >>> from scipy import stats
    >>> differences = np.array([[3, 2, 4, 3, 2, 3, 4], [1, -1, 2, -2, 1, 0, -1]]) / 100
    >>> p_values = stats.ttest_1samp(differences, 0, axis=1).pvalue
    >>> max_t(p_values, differences).round(3).tolist()
    [0.016, 1.0]

    Args:
        p_values: Shape (comparisons,); NaN is not counted as a comparison and remains NaN. A p
            that is larger than Student's p of `differences`, such as one that covers the test
            examples too, makes t smaller.
        differences: Shape (comparisons, seeds); NaN where a comparison lacks a seed.
        draws: How many flips are drawn if there are more than 13 seeds; of fewer seeds, all flips
            are enumerated.
    """
    known = np.flatnonzero(~np.isnan(p_values))
    flipped, df = _t_statistics(differences[known], draws)
    observed = np.minimum(_quantile(p_values[known], df), flipped[0])
    if (df != df.max(initial=0)).any():
        flipped, observed = (
            _quantile(2 * special.stdtr(df, -t), df.max()) for t in (flipped, observed)
        )
    order = np.argsort(-observed, kind="stable")
    # The largest t of a comparison and all with a smaller observed one.
    largest = np.maximum.accumulate(flipped[:, order[::-1]], axis=1)[:, ::-1]
    shares = (largest >= observed[order] * (1 - 1e-9)).mean(axis=0)
    corrected = np.full(p_values.shape, np.nan)
    corrected[known[order]] = np.maximum(np.maximum.accumulate(shares), p_values[known[order]])
    return corrected


def increase_of_deviations(differences: Floats) -> Floats:
    """Return the factors by which the lower limit in `max_t` increases the standard deviations.

    >>> differences = np.array([[3, 1, 2], [30, 10, 20], [32, 12, 22]])
    >>> increase_of_deviations(differences).tolist()
    [10.0, 1.0, 1.0]

    Args:
        differences: Shape (comparisons, seeds); NaN where a comparison lacks a seed.

    Returns:
        Shape (comparisons,); 1 where differences do not vary.
    """
    n = (~np.isnan(differences)).sum(axis=1)
    centred = (
        differences - np.nansum(differences, axis=1, keepdims=True) / np.maximum(n, 1)[:, None]
    )
    variances = np.nansum(centred**2, axis=1) / np.maximum(n - 1, 1)
    limit = np.median(variances[n > 1]) if (n > 1).any() else 0.0
    factors: Floats = np.sqrt(np.maximum(limit / np.where(variances > 0, variances, np.inf), 1.0))
    return factors


def _t_statistics(differences: Floats, draws: int) -> tuple[Floats, Floats]:
    """Return |t| under flips of the seeds' signs, (flips, comparisons), and degrees of freedom."""
    n = (~np.isnan(differences)).sum(axis=1)
    values = np.nan_to_num(differences)
    means = _signs(values.shape[1], draws) @ values.T / n
    squares = (values**2).sum(axis=1)  # the same for all signs
    variances = np.maximum(squares - n * means**2, 0) / (n - 1)
    if len(n):
        variances = np.maximum(variances, np.median(variances[0]))
    with np.errstate(divide="ignore", invalid="ignore"):
        t: Floats = np.abs(means) / np.sqrt(variances / n)
    return np.nan_to_num(t, nan=0.0), n - 1


def _quantile(p_values: Floats, df: Floats) -> Floats:
    """Return the |t| of two-sided p-values."""
    t: Floats = -special.stdtrit(df, p_values / 2)
    return t


def _signs(seeds: int, draws: int) -> Floats:
    """Return flips of signs, the observed ones first; those of opposite signs give equal t."""
    if seeds <= _ENUMERATED:
        codes = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds)
        return np.where(codes & 1, -1.0, 1.0)
    drawn = np.random.default_rng(0).choice([1.0, -1.0], (draws - 1, seeds))
    return np.vstack([np.ones(seeds), drawn])
