"""Correction of p-values for several comparisons with one baseline, by flips of signs.

If the optimizers do not differ, the differences of a seed, all with the same baseline, have this or
the opposite sign with equal probability. Flips of the signs of whole seeds give the distribution
of the smallest p-value, with the correlation of comparisons that share a baseline, for noise of any
size and shape that is symmetric.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from adamcmp.analysis.estimates import Floats

#: The least number of seeds whose flips can give a p-value below 0.05.
MIN_SEEDS = 6
#: The most seeds of which all flips are enumerated, and the number of draws for more seeds.
_ENUMERATED, _DRAWS = 13, 10_000


def min_p(p_values: Floats, differences: Floats) -> Floats:
    """Correct p-values of paired comparisons with one baseline.

    The step-down min-p procedure (Westfall & Young 1993, Resampling-Based Multiple Testing,
    algorithm 2.8) with all flips of the seeds' signs, or a fixed draw of them: the share of flips
    in which a comparison has a Student's p-value as small as the observed one.

    >>> differences = np.array([[3, 2, 4, 3, 2, 3, 4], [1, -1, 2, -2, 1, 0, -1]]) / 100
    >>> min_p(stats.ttest_1samp(differences, 0, axis=1).pvalue, differences).round(3).tolist()
    [0.016, 1.0]

    Args:
        p_values: Shape (comparisons,); NaN is not counted as a comparison and remains NaN.
        differences: Shape (comparisons, seeds); NaN where a comparison lacks a seed.
    """
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    flipped = _p_values(differences[order])
    # The smallest p-value among a comparison and all with a larger observed one.
    smallest = np.minimum.accumulate(flipped[:, ::-1], axis=1)[:, ::-1]
    shares = (smallest <= p_values[order] * (1 + 1e-9)).mean(axis=0)
    corrected = np.full(p_values.shape, np.nan)
    corrected[order] = np.maximum(np.maximum.accumulate(shares), p_values[order])
    return corrected


def _p_values(differences: Floats) -> Floats:
    """Return Student's p-values under flips of the seeds' signs, of shape (flips, comparisons)."""
    n = (~np.isnan(differences)).sum(axis=1)
    values = np.nan_to_num(differences)
    means = _signs(values.shape[1]) @ values.T / n
    squares = (values**2).sum(axis=1)  # the same for all signs
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(np.maximum(squares - n * means**2, 0) / (n - 1) / n)
        p: Floats = 2 * stats.t.sf(np.abs(means) / error, n - 1)
    return np.nan_to_num(p, nan=1.0)


def _signs(seeds: int) -> Floats:
    """Return flips of signs, the observed ones first; those of opposite signs give equal p."""
    if seeds <= _ENUMERATED:
        codes = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds)
        return np.where(codes & 1, -1.0, 1.0)
    drawn = np.random.default_rng(0).choice([1.0, -1.0], (_DRAWS - 1, seeds))
    return np.vstack([np.ones(seeds), drawn])
