"""How often repeated tests claim a difference, if seeds are added to a study after each test."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy import special

from adamcmp.analysis import estimates
from adamcmp.analysis.difference import MIN_DETECTABLE
from adamcmp.analysis.looks import Looks
from adamcmp.analysis.power import seeds_for_power
from simulation_noise import Floats, markdown, percent

#: The number of seeds at the first look, and in a study that was planned.
FIRST, PLANNED = 5, 20
#: The number of seeds at the last look, if there is a look at every number of seeds.
EVERY_UP_TO = 50
#: The largest number of seeds, if they are added as advised.
MOST_SEEDS = 400
#: True differences, in standard deviations of the differences of paired seeds.
DIFFERENCES = (0.0, 0.5, 1.0)

#: ``level((5, 10), 20)`` is the level of a test of 20 seeds after tests of 5 and 10.
Level = Callable[[tuple[int, ...], int], float]


def level_of_verdicts(earlier: tuple[int, ...], n: int) -> float:
    """Return the level in verdicts."""
    return Looks(0, (*earlier, n)).level


def full_level(earlier: tuple[int, ...], n: int) -> float:
    """Return the level of a test that does not account for earlier ones."""
    return estimates.ALPHA


def claims_as_advised(values: Floats, looks: int, level: Level) -> bool:
    """Return whether a study claims a difference that adds the advised seeds until it does.

    Args:
        values: Differences of the study's seeds.
        looks: The largest number of looks.
        level: The level of a test.
    """
    earlier: tuple[int, ...] = ()
    n = FIRST
    for _ in range(looks):
        size = abs(values[:n].mean()) / values[:n].std(ddof=1)
        p = 2 * special.stdtr(n - 1, -size * np.sqrt(n))
        if p < level(earlier, n):
            return True
        earlier = (*earlier, n)
        half_width = special.stdtrit(n - 1, 1 - estimates.ALPHA / 2) / np.sqrt(n)
        n = advised(earlier, round(20 * max(size, MIN_DETECTABLE * half_width)) / 20, level)
    return False


@cache
def advised(earlier: tuple[int, ...], size: float, level: Level) -> int:
    """Return how many seeds a verdict advises.

    Args:
        earlier: The number of seeds at each look.
        size: The difference to detect, in standard deviations.
        level: The level of a test.
    """
    n = seeds_for_power(size, lambda n: level(earlier, n) if n > earlier[-1] else 0.0)
    return int(min(n, MOST_SEEDS))


def claims_at_any(values: Floats, numbers: range, level: Level) -> Floats:
    """Return which studies claim a difference at one of several numbers of seeds.

    Args:
        values: Differences of shape (studies, seeds).
        numbers: The numbers of seeds at the looks.
        level: The level of a test.
    """
    claims = [
        estimates.mean(values[:, :n]).p_value < level(tuple(numbers[:look]), n)
        for look, n in enumerate(numbers)
    ]
    return np.any(claims, axis=0)


def looks_table(studies: int) -> str:
    """Return a table of how often verdicts claim a difference, in percent.

    Numbers in parentheses are those of tests that do not account for earlier looks.
    """
    rows: dict[str, dict[str, object]] = {}
    for better in DIFFERENCES:
        values = np.random.default_rng(0).normal(better, 1, (studies, MOST_SEEDS))
        heading = f"difference {better}" if better else "no difference"
        for name, claims in designs(values).items():
            shares = [percent(np.mean(claims(level))) for level in (level_of_verdicts, full_level)]
            row = rows.setdefault(name, {"looks": name})
            row[heading] = "{} ({})".format(*shares)
    return markdown(rows.values())


def designs(values: Floats) -> dict[str, Callable[[Level], object]]:
    """Return when the studies are looked at, and which claim a difference at some level."""

    def as_advised(looks: int) -> Callable[[Level], object]:
        return lambda level: [claims_as_advised(study, looks, level) for study in values]

    def at(numbers: range) -> Callable[[Level], object]:
        return lambda level: claims_at_any(values, numbers, level)

    return {
        f"{FIRST} seeds": at(range(FIRST, FIRST + 1)),
        f"{FIRST} seeds, then as advised": as_advised(2),
        f"{FIRST} seeds, then twice as advised": as_advised(3),
        f"{FIRST} seeds, then each further one up to {EVERY_UP_TO}": at(
            range(FIRST, EVERY_UP_TO + 1)
        ),
        f"{PLANNED} seeds that were planned, watched or not": at(range(PLANNED, PLANNED + 1)),
    }
