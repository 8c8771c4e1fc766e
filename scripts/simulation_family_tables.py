"""Tables of the comparisons of many optimizers: false claims, power, and sentences on noise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from adamcmp.analysis.needed_seeds import FEW_SEEDS
from adamcmp.analysis.sign_flips import MIN_SEEDS
from simulation_families import (
    NOISE,
    TESTS,
    Noise,
    false_claims,
    false_claims_beside_differences,
    power,
    share_named,
)
from simulation_noise import markdown, percent

OPTIMIZERS = (2, 4, 6, 10, 20, 30)
SEEDS = (3, 5, 10, 20)
#: Numbers of optimizers, and how many of them differ from the baseline.
DIFFERING = ((4, 2), (6, 3), (10, 5), (20, 10), (20, 18), (30, 20))


def _rows(quick: bool) -> Iterator[tuple[Noise, int, str]]:
    for noise, seeds, test in product(NOISE, SEEDS[1:3] if quick else SEEDS, TESTS):
        if seeds >= MIN_SEEDS or test != "baseline, Holm":
            yield noise, seeds, test


def false_claims_table(studies: int, quick: bool) -> str:
    """Return the shares of studies with a false claim, in percent; in parentheses unnamed ones."""
    rows = []
    for noise, seeds, test in _rows(quick):
        row: dict[str, object] = {"noise": str(noise), "seeds": seeds, "comparisons": test}
        for optimizers in OPTIMIZERS[::2] if quick else OPTIMIZERS:
            claimed, unnamed = false_claims(test, noise, optimizers, seeds, studies)
            named_always = test != "all pairs" and optimizers > 2
            text = percent(claimed)
            row[f"{optimizers}"] = text if named_always else f"{text} ({percent(unnamed)})"
        rows.append(row)
    return markdown(rows)


def power_table(studies: int, quick: bool) -> str:
    """Return the shares of studies that find a difference of one standard deviation, in percent."""
    rows = []
    for noise, seeds, test in _rows(quick):
        if seeds <= FEW_SEEDS or noise.rounded:
            continue
        row: dict[str, object] = {"noise": str(noise), "seeds": seeds, "comparisons": test}
        for optimizers in OPTIMIZERS[::2] if quick else OPTIMIZERS:
            row[f"{optimizers}"] = percent(power(test, noise, optimizers, seeds, studies))
        rows.append(row)
    return markdown(rows)


def differing_table(studies: int, quick: bool) -> str:
    """Return the shares of studies with a false claim where some optimizers differ, in percent."""
    rows = []
    for noise, seeds, test in _rows(quick):
        if seeds < MIN_SEEDS or test == "all pairs" or noise.rounded or noise.second != 1:
            continue
        row: dict[str, object] = {"noise": str(noise), "seeds": seeds, "comparisons": test}
        for optimizers, differing in DIFFERING[::2] if quick else DIFFERING:
            case = (optimizers, differing, seeds, studies)
            share = false_claims_beside_differences(test, noise, *case)
            row[f"{differing} of {optimizers - 1}"] = percent(share)
        rows.append(row)
    return markdown(rows)


def named_table(studies: int) -> str:
    """Return the shares of true claims with an unneeded sentence on the noise, in percent."""
    rows = []
    for better in (1.0, 2.5, 4.0):
        row: dict[str, object] = {"difference": f"{better:g}"}
        for seeds in SEEDS[1:]:
            row[f"{seeds} seeds"] = percent(share_named(better, seeds, studies))
        rows.append(row)
    return markdown(rows)
