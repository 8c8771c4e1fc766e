"""The levels of repeated tests of one comparison, as seeds are added.

A test at the level 0.05 that is repeated whenever seeds are added claims a difference far more
often than in 5 % of the studies in which nothing differs. The first test keeps the full level. All
later ones together may claim a difference in a further 1 % of these studies, half of it at the
second test, a quarter at the third, and so on, so that any number of tests is allowed.

The probabilities are those of sums of independent normal increments, integrated numerically
(Armitage, McPherson & Rowe 1969, JRSS A 132, 235-244). Student's test has the same nominal level as
the normal one (the significance level approach: Jennison & Turnbull 2000, Group Sequential Methods,
section 4.4). The share that each test may spend does not depend on later ones (Lan & DeMets 1983,
Biometrika 70, 659-663).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import optimize, stats

from adamcmp.analysis.estimates import ALPHA, Floats

#: The probability that any test after the first one claims a difference where there is none.
LATER_LOOKS = 0.01
#: Points of the grid on which the distribution of the sum is integrated.
_POINTS = 501


@lru_cache(maxsize=1024)
def level(seeds: tuple[int, ...]) -> float:
    """Return the level of the last of several tests.

    >>> [round(level(looks), 4) for looks in [(5,), (5, 10), (5, 10, 20)]]
    [0.05, 0.0108, 0.0046]

    Args:
        seeds: The number of seeds at each test, increasing.
    """
    return nominal_levels(seeds, spending(len(seeds)))[-1]


def spending(looks: int) -> list[float]:
    """Return the probability that each test is the first to claim a difference, if none exists.

    >>> spending(3)
    [0.05, 0.005, 0.0025]

    Args:
        looks: The number of tests.
    """
    return [ALPHA, *(LATER_LOOKS / 2**later for later in range(1, looks))]


def nominal_levels(seeds: Sequence[int], spent: Sequence[float]) -> list[float]:
    """Return the two-sided levels at which each of several tests claims a difference.

    Args:
        seeds: The number of seeds at each test, increasing.
        spent: The probability that each test is the first to claim a difference, if none exists.
    """
    # The sum of n standard normal values has the variance n.
    sums, weights, levels = np.zeros(1), np.ones(1), list[float]()
    for n, added, share in zip(seeds, np.diff(seeds, prepend=0), spent, strict=True):
        sd = np.sqrt(added)
        bound = optimize.brentq(_excess, 0, 40 * np.sqrt(n), args=(sums, weights, sd, share))
        levels.append(float(2 * stats.norm.sf(bound / np.sqrt(n))))
        sums, weights = _within(bound, sums, weights, sd)
    return levels


def _excess(bound: float, sums: Floats, weights: Floats, sd: float, share: float) -> float:
    """Return by how much the probability of a next sum outside ±`bound` exceeds `share`."""
    outside = stats.norm.sf((bound - sums) / sd) + stats.norm.sf((bound + sums) / sd)
    return float(weights @ outside) - share


def _within(bound: float, sums: Floats, weights: Floats, sd: float) -> tuple[Floats, Floats]:
    """Return the distribution of the next sum, of studies in which it is within ±`bound`."""
    points = np.linspace(-bound, bound, _POINTS)
    density = stats.norm.pdf((points[:, None] - sums) / sd) @ weights / sd
    # Simpson's rule.
    simpson = np.array([1.0, *[4.0, 2.0] * (_POINTS // 2)])
    simpson[-1] = 1.0
    return points, density * simpson * (points[1] - points[0]) / 3
