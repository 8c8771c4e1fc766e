"""How often a verdict claims a difference where there is none, after choosing the settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from adamcmp.analysis import estimates
from adamcmp.analysis.selection_bias import SelectionBias, luck, p_choice
from simulation_noise import NOISES, Floats, Rng, markdown, percent

#: Share of a run's variance that its seed gives to all settings and optimizers.
SHARED = 0.3
#: Correlation of validation and test error at the same weights.
CORRELATION = 0.8
#: Studies at a time, to stay within memory.
CHUNK = 50
#: True error of a 6 × 6 grid's settings: what a step from the middle adds, in standard deviations.
SURFACES = {"flat": 0.0, "wide": 0.05, "bowl": 0.3, "steep": 5.0}


@dataclass(frozen=True)
class Scenario:
    """Simulated studies of one kind.

    Attributes:
        surface: Which of `SURFACES`; all settings are equal in "flat".
        noise: Which of `NOISES`.
        settings: How many each optimizer has; two are different optimizers, and more.
        choosing: Seeds that all settings have.
        fresh: Further seeds of the chosen ones; 0 reports the seeds that chose.
        quieter: The noise of the optimizers after the first, as a share of the first's; what a
            seed gives to all is the same for all.
        better: By how much the first optimizer is truly better, in standard deviations of a run.
    """

    surface: str
    noise: str
    settings: tuple[int, ...]
    choosing: int
    fresh: int
    quieter: float = 1.0
    better: float = 0.0


def true_errors(surface: str, settings: int) -> Floats:
    """Return the settings' true errors, the lowest near 0."""
    side = int(np.sqrt(settings))
    away = (np.arange(side) - (side - 1) / 2) ** 2
    errors = SURFACES[surface] * (away[:, None] + away).ravel()
    return np.resize(errors - errors.min(), settings)


@dataclass(frozen=True)
class Side:
    """What is reported of an optimizer, and the luck it had."""

    values: Floats
    luck: SelectionBias


def simulated(
    rng: Rng, s: Scenario, settings: int, seeds: Floats, first: bool
) -> tuple[Floats, Floats]:
    """Return an optimizer's validation and test errors (studies, settings, seeds)."""
    size, better = (1.0, s.better) if first else (s.quieter, 0.0)
    shape = (len(seeds), settings, s.choosing + s.fresh)
    noise = NOISES[s.noise]
    quality = np.sqrt(SHARED) * seeds + size * np.sqrt(1 - SHARED) * noise(rng, shape)
    base = np.sqrt(CORRELATION) * quality + true_errors(s.surface, settings)[:, None] - better
    validation, test = (
        base + size * np.sqrt(1 - CORRELATION) * rng.standard_normal(shape) for _ in range(2)
    )
    return validation, test


def judged(s: Scenario, validation: Floats, test: Floats) -> Side:
    """Choose an optimizer's setting, and return what is reported."""
    chose = slice(0, s.choosing)
    best = validation[..., chose].mean(axis=-1).argmin(axis=-1)[:, None, None]
    reported, alike = (
        np.take_along_axis(x, best, axis=1)[:, 0, s.choosing if s.fresh else 0 :]
        for x in (test, validation)
    )
    fresh = bool(s.fresh) or test.shape[1] == 1
    alone = alike.std(axis=-1, ddof=1)
    return Side(reported, luck(validation[..., chose], test[..., chose], fresh, alone))


def p_values(s: Scenario, studies: int, rng: Rng) -> tuple[Floats, Floats, Floats]:
    """Return p-values of simulated studies' pairs: plain, and with the allowance; and estimates.

    Each has shape (studies, pairs).
    """
    plain, allowed, values = [], [], []
    for _ in range(studies // CHUNK):
        seeds = NOISES[s.noise](rng, (CHUNK, 1, s.choosing + s.fresh))
        sides = [
            judged(s, *simulated(rng, s, count, seeds, first=not i))
            for i, count in enumerate(s.settings)
        ]
        pairs = list(combinations(sides, 2))
        found = [estimates.difference(a.values - b.values) for a, b in pairs]
        plain.append(np.stack([f.p_value for f in found], axis=-1))
        allowed.append(
            np.stack(
                [p_choice(f, a.luck, b.luck) for f, (a, b) in zip(found, pairs, strict=True)],
                axis=-1,
            )
        )
        values.append(np.stack([f.value for f in found], axis=-1))
    return np.concatenate(plain), np.concatenate(allowed), np.concatenate(values)


def claims(s: Scenario, studies: int) -> tuple[float, float]:
    """Return how often any difference is claimed after Holm: by plain tests, and by the verdict."""
    rng = np.random.default_rng(
        [s.choosing, s.fresh, *s.settings, *f"{s.surface}{_told(s)}".encode()]
    )
    plain, allowed, _ = p_values(s, studies, rng)
    by_test = np.stack([estimates.holm(p) for p in plain])
    by_verdict = np.maximum(by_test, [estimates.holm(p) for p in allowed])
    low = [(p < estimates.ALPHA).any(axis=-1).mean() for p in (by_test, by_verdict)]
    return float(low[0]), float(low[1])


#: (seeds that choose, fresh seeds).
STAGES = ((5, 0), (10, 0), (20, 0), (1, 10), (3, 5), (3, 10), (3, 20), (5, 20), (10, 20))


def _told(s: Scenario) -> str:
    return s.noise if s.quieter == 1 else f"{s.noise}, 1 and {s.quieter}"


def claims_table(studies: int, better: float, scenarios: list[Scenario]) -> str:
    """Return how often verdicts claim a difference, in percent, beside a plain test."""
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    for s in scenarios:
        told = claims(replace(s, better=better), studies)
        counts = ", ".join(map(str, s.settings))
        row = rows.setdefault(
            (s.surface, _told(s), counts),
            {"errors of settings": s.surface, "noise": _told(s), "settings": counts},
        )
        seeds = f"{s.choosing}, {s.fresh} fresh" if s.fresh else f"{s.choosing}"
        row[seeds] = f"{percent(told[1])} ({percent(told[0])})"
    return markdown(rows.values())


def scenarios(quick: bool) -> list[Scenario]:
    """Return the studies that are simulated; `quick` takes a few of each kind."""
    kinds = [("flat", (36, 36)), ("flat", (36, 4)), ("flat", (36, 1)), ("flat", (16, 16, 16, 16))]
    kinds += [(surface, (36, 36)) for surface in ("wide", "bowl", "steep")]
    stages = STAGES[::4] if quick else STAGES
    alike = [
        Scenario(surface, noise, settings, *stage)
        for surface, settings in kinds
        for noise in ("normal", "exponential")
        for stage in stages
    ]
    uneven = [
        Scenario("flat", noise, (36, 36), *stage, quieter=0.3)
        for noise in ("normal", "lognormal", "exponential")
        for stage in stages
    ]
    return alike + uneven
