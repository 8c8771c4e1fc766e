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

from collections.abc import Mapping, Sequence, Set
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, special

from adamcmp.analysis.estimates import ALPHA, Floats
from adamcmp.analysis.wording import display_name
from adamcmp.storage.looks import Look, LookRecord

#: The probability that any test after the first one claims a difference where there is none.
LATER_LOOKS = 0.01
#: Points of the grid on which the distribution of the sum is integrated.
_POINTS = 501


class Looks(NamedTuple):
    """The tests of one comparison, the present one last.

    Attributes:
        others: The number of first tests, on other seeds. Bonferroni's inequality separates them
            from the later ones.
        seeds: The number of seeds at each later test, which has all seeds of the one before.
        comparisons: The number of comparisons whose p-values are adjusted together. The more they
            are, the less the tests of one of them depend on each other far in the tails.
    """

    others: int
    seeds: tuple[int, ...]
    comparisons: int = 1

    @classmethod
    def of(cls, earlier: Sequence[Set[int]], present: Set[int], comparisons: int = 1) -> Looks:
        """Return the tests up to that of the present seeds, which may be one of the earlier ones.

        >>> Looks.of([{0, 1, 2}], {0, 1, 2, 3})
        Looks(others=0, seeds=(3, 4), comparisons=1)
        >>> Looks.of([{0, 1, 2}], {7, 8, 9})
        Looks(others=1, seeds=(3,), comparisons=1)

        Args:
            earlier: The seeds of the earlier tests.
            present: The seeds of the present test.
            comparisons: The number of comparisons whose p-values are adjusted together.
        """
        tests = [*earlier, present]
        tests = tests[: tests.index(present) + 1]
        changes = [i for i in range(1, len(tests)) if not tests[i - 1] <= tests[i]]
        start = max(changes, default=0)
        return cls(start, tuple(map(len, tests[start:])), comparisons)

    @property
    def number(self) -> int:
        """The number of tests."""
        return self.others + len(self.seeds)

    @property
    def level(self) -> float:
        """The level of the adjusted p-value of the present test.

        >>> [round(Looks(0, seeds).level, 4) for seeds in [(5,), (5, 10), (5, 10, 20)]]
        [0.05, 0.0108, 0.0046]
        """
        return _last_level(self)

    def next_level(self, seeds: int) -> float:
        """Return the level of a further test that adds seeds, or of the present one if it does not.

        Args:
            seeds: The number of seeds at the further test.
        """
        if self.seeds and seeds <= self.seeds[-1]:
            return self.level
        return self._replace(seeds=(*self.seeds, seeds)).level


def looks_at(row: Mapping[Any, Any], record: LookRecord, comparisons: int) -> Looks:
    """Return the looks at a comparison, without the present one if it does not count.

    Args:
        row: Columns ``problem metric a b n compared_seeds`` of `adamcmp.analysis.comparisons`.
        record: The recorded looks.
        comparisons: The number of comparisons whose p-values are adjusted together.
    """
    look = _look(row)
    looks = Looks.of(record.earlier_seeds(look), look.seed_set, comparisons)
    return looks._replace(seeds=looks.seeds[:-1]) if record.missing_runs else looks


def unrecorded_looks(comparisons: pd.DataFrame, record: LookRecord) -> list[Look]:
    """Return the looks at comparisons that are not in the record.

    Args:
        comparisons: The result of `adamcmp.analysis.comparisons`.
        record: The recorded looks.
    """
    # A comparison without a test claims nothing.
    tested = comparisons[comparisons[["p_value", "p_diverged"]].notna().any(axis="columns")]
    return record.unrecorded(map(_look, tested.to_dict("records")))


def _look(row: Mapping[Any, Any]) -> Look:
    """Return a comparison as a look; its arms have the same names in every command."""
    a, b = display_name(row["a"]), display_name(row["b"])
    return Look(row["problem"], row["metric"], a, b, int(row["n"]), row["compared_seeds"])


@lru_cache(maxsize=10_000)
def _last_level(looks: Looks) -> float:
    spent = [share / looks.comparisons for share in spending(looks.number)]
    return looks.comparisons * nominal_levels(looks.seeds, spent[looks.others :])[-1]


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
    firsts = (tuple(zip(seeds, spent, strict=True))[:count] for count in range(1, len(seeds) + 1))
    return [float(2 * special.ndtr(-_bound(tests) / np.sqrt(tests[-1][0]))) for tests in firsts]


# The number of seeds at each of several tests, and what the test spends.
_Tests = tuple[tuple[int, float], ...]


def _bound(tests: _Tests) -> float:
    """Return the bound of the sum that the last of several tests has."""
    n, share = tests[-1]
    sums, weights = _undecided(tests[:-1])
    sd = _increment(tests)

    def excess(bound: float) -> float:
        outside = special.ndtr((sums - bound) / sd) + special.ndtr((-sums - bound) / sd)
        return float(weights @ outside) - share

    return float(optimize.brentq(excess, 0, 40 * np.sqrt(n)))


@lru_cache(maxsize=1000)
def _undecided(tests: _Tests) -> tuple[Floats, Floats]:
    """Return the distribution of the sum, of studies in which no test has claimed a difference."""
    if not tests:
        return np.zeros(1), np.ones(1)
    sums, weights = _undecided(tests[:-1])
    bound, sd = _bound(tests), _increment(tests)
    points = np.linspace(-bound, bound, _POINTS)
    squares = ((points[:, None] - sums) / sd) ** 2
    density = np.exp(-squares / 2) @ weights / (sd * np.sqrt(2 * np.pi))
    # Simpson's rule.
    simpson = np.array([1.0, *[4.0, 2.0] * (_POINTS // 2)])
    simpson[-1] = 1.0
    return points, density * simpson * (points[1] - points[0]) / 3


def _increment(tests: _Tests) -> float:
    """Return the standard deviation of what the last test adds to the sum.

    The sum of n standard normal values has the variance n.
    """
    return float(np.sqrt(np.diff([0, *(n for n, _ in tests)])[-1]))
