"""How often verdicts claim a difference between equal optimizers after selection of settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from adamcmp.analysis import estimates
from adamcmp.analysis.selection_bias import SelectionBias, selection_bias, selection_p_value
from simulation_noise import NOISES, Floats, Rng, markdown, percent

#: Share of a run's variance that is due to its seed, common to all settings and optimizers.
SHARED = 0.3
#: Correlation of validation and test error at the same weights.
CORRELATION = 0.8
#: Studies simulated at a time, to limit memory.
CHUNK = 50
#: Curvature of the true error over a 6 × 6 grid, in standard deviations per squared step.
SURFACES = {"flat": 0.0, "wide": 0.05, "bowl": 0.3, "steep": 5.0}


@dataclass(frozen=True)
class Scenario:
    """Parameters of simulated studies.

    Attributes:
        surface: One of `SURFACES`; all settings are equal in "flat".
        noise: One of `NOISES`.
        settings: The number of settings of each optimizer.
        selection_seeds: Seeds that all settings have.
        evaluation_seeds: Further seeds of the selected settings; 0 reports the selection seeds.
        noise_ratio: The noise of the optimizers after the first, relative to the first one's; the
            effect of the seed is common to all.
        better: By how much the first optimizer is truly better, in standard deviations of a run.
    """

    surface: str
    noise: str
    settings: tuple[int, ...]
    selection_seeds: int
    evaluation_seeds: int
    noise_ratio: float = 1.0
    better: float = 0.0


def true_errors(surface: str, settings: int) -> Floats:
    """Return the true errors of the settings, the lowest at 0."""
    side = int(np.sqrt(settings))
    squares = (np.arange(side) - (side - 1) / 2) ** 2
    errors = SURFACES[surface] * (squares[:, None] + squares).ravel()
    return np.resize(errors - errors.min(), settings)


@dataclass(frozen=True)
class SelectedArm:
    """The reported test errors of an optimizer's selected setting, and its selection bias."""

    values: Floats
    bias: SelectionBias


def simulated(
    rng: Rng, s: Scenario, settings: int, seeds: Floats, first: bool
) -> tuple[Floats, Floats]:
    """Return an optimizer's validation and test errors, of shape (studies, settings, seeds)."""
    size, better = (1.0, s.better) if first else (s.noise_ratio, 0.0)
    shape = (len(seeds), settings, s.selection_seeds + s.evaluation_seeds)
    noise = NOISES[s.noise]
    quality = np.sqrt(SHARED) * seeds + size * np.sqrt(1 - SHARED) * noise(rng, shape)
    base = np.sqrt(CORRELATION) * quality + true_errors(s.surface, settings)[:, None] - better
    validation, test = (
        base + size * np.sqrt(1 - CORRELATION) * rng.standard_normal(shape) for _ in range(2)
    )
    return validation, test


def select(s: Scenario, validation: Floats, test: Floats) -> SelectedArm:
    """Select an optimizer's setting on validation."""
    selecting = slice(0, s.selection_seeds)
    best = validation[..., selecting].mean(axis=-1).argmin(axis=-1)[:, None, None]
    reported, reported_validation = (
        np.take_along_axis(x, best, axis=1)[:, 0, s.selection_seeds if s.evaluation_seeds else 0 :]
        for x in (test, validation)
    )
    fresh = bool(s.evaluation_seeds) or test.shape[1] == 1
    sd = reported_validation.std(axis=-1, ddof=1)
    bias = selection_bias(validation[..., selecting], test[..., selecting], fresh, sd)
    return SelectedArm(reported, bias)


def p_values(s: Scenario, studies: int, rng: Rng) -> tuple[Floats, Floats, Floats]:
    """Return p-values of pairs, without and with selection bias accounted for, and differences.

    Each has shape (studies, pairs).
    """
    plain, with_selection, values = [], [], []
    for _ in range(studies // CHUNK):
        seeds = NOISES[s.noise](rng, (CHUNK, 1, s.selection_seeds + s.evaluation_seeds))
        arms = [
            select(s, *simulated(rng, s, count, seeds, first=not i))
            for i, count in enumerate(s.settings)
        ]
        pairs = list(combinations(arms, 2))
        differences = [estimates.mean(a.values - b.values) for a, b in pairs]
        plain.append(np.stack([d.p_value for d in differences], axis=-1))
        corrected = [
            selection_p_value(d, a.bias, b.bias)
            for d, (a, b) in zip(differences, pairs, strict=True)
        ]
        with_selection.append(np.stack(corrected, axis=-1))
        values.append(np.stack([d.value for d in differences], axis=-1))
    return np.concatenate(plain), np.concatenate(with_selection), np.concatenate(values)


def claims(s: Scenario, studies: int) -> tuple[float, float]:
    """Return how often any difference is significant: by plain tests with Holm, and in verdicts."""
    rng = np.random.default_rng(
        [
            s.selection_seeds,
            s.evaluation_seeds,
            *s.settings,
            *f"{s.surface}{_noise_label(s)}".encode(),
        ]
    )
    plain, with_selection, _ = p_values(s, studies, rng)
    by_test = np.stack([estimates.holm(p) for p in plain])
    by_verdict = np.maximum(by_test, [estimates.holm(p) for p in with_selection])
    shares = [(p < estimates.ALPHA).any(axis=-1).mean() for p in (by_test, by_verdict)]
    return float(shares[0]), float(shares[1])


#: (selection seeds, evaluation seeds).
STAGES = ((5, 0), (10, 0), (20, 0), (1, 10), (3, 5), (3, 10), (3, 20), (5, 20), (10, 20))


def _noise_label(s: Scenario) -> str:
    return s.noise if s.noise_ratio == 1 else f"{s.noise}, 1 and {s.noise_ratio}"


def claims_table(studies: int, better: float, scenarios: list[Scenario]) -> str:
    """Return a table of how often verdicts, and plain tests, claim a difference, in percent."""
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    for s in scenarios:
        by_test, by_verdict = claims(replace(s, better=better), studies)
        counts = ", ".join(map(str, s.settings))
        row = rows.setdefault(
            (s.surface, _noise_label(s), counts),
            {"errors of settings": s.surface, "noise": _noise_label(s), "settings": counts},
        )
        seeds = f"{s.selection_seeds}"
        if s.evaluation_seeds:
            seeds += f" + {s.evaluation_seeds}"
        row[seeds] = f"{percent(by_verdict)} ({percent(by_test)})"
    return markdown(rows.values())


def scenarios(quick: bool) -> list[Scenario]:
    """Return the scenarios to simulate; `quick` takes a few seeds of each."""
    surfaces = [
        ("flat", (36, 36)),
        ("flat", (36, 4)),
        ("flat", (36, 1)),
        ("flat", (16, 16, 16, 16)),
    ]
    surfaces += [(surface, (36, 36)) for surface in ("wide", "bowl", "steep")]
    stages = STAGES[::4] if quick else STAGES
    equal_noise = [
        Scenario(surface, noise, settings, *stage)
        for surface, settings in surfaces
        for noise in ("normal", "exponential")
        for stage in stages
    ]
    unequal_noise = [
        Scenario("flat", noise, (36, 36), *stage, noise_ratio=0.3)
        for noise in ("normal", "lognormal", "exponential")
        for stage in stages
    ]
    return equal_noise + unequal_noise
