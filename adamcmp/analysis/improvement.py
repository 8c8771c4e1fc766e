"""The probability that one arm of a comparison is better than the other for a new seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from adamcmp.analysis import estimates
from adamcmp.analysis.arms import Arm


def probability_of_improvement(
    a: Arm, b: Arm, metric: str, paired: bool, higher: bool
) -> dict[str, Any]:
    """Estimate the probability that a is better than b for a new seed, with Wilson's interval.

    If seeds are paired, it is the share of shared seeds at which a is better; else the share of
    all pairs of runs (Mann & Whitney 1947), whose variance is at most that of a share of the
    smaller number of seeds (van Dantzig 1951). A tie counts as half; a diverged run is worse than
    any completed one.

    Args:
        a: One arm.
        b: The other arm.
        metric: The metric to compare.
        paired: Whether seeds are paired.
        higher: Whether larger values are better.

    Returns:
        ``prob_better``, ``prob_low``, ``prob_high``.
    """
    values = [arm.reported[metric].astype(float) * (-1 if higher else 1) for arm in (a, b)]
    # A diverged run is worse than any completed one, and ties with another diverged one.
    x, y = (v.fillna(np.inf) for v in values)
    if paired:
        shared = x.index.intersection(y.index)
        x, y = x[shared], y[shared]
        better, ties = (x < y).mean(), (x == y).mean()
    else:
        grid = x.to_numpy()[:, None], y.to_numpy()
        better, ties = (grid[0] < grid[1]).mean(), (grid[0] == grid[1]).mean()
    n = min(len(x), len(y))
    share, low, high = estimates.proportion((better + ties / 2) * n, n)
    return {"prob_better": float(share), "prob_low": float(low), "prob_high": float(high)}
