"""How often verdicts claim a difference between optimizers after selection of settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from adamcmp.analysis import estimates
from adamcmp.analysis.estimates import Estimate
from adamcmp.analysis.example_variance import ExamplePart, required_estimates
from adamcmp.analysis.selection_bias import (
    SHARE,
    SelectionBias,
    selection_bias,
    selection_p_value,
)
from simulation_noise import NOISES, Floats, Rng, markdown, percent

#: Share of a run's variance that is due to its seed, common to all settings and optimizers.
SHARED = 0.3
#: Correlation of validation and test error at the same weights.
CORRELATION = 0.8
#: Studies simulated at a time, to limit memory.
CHUNK = 50
#: Curvature of the true error over a square grid, in standard deviations per squared step.
SURFACES = {"flat": 0.0, "shallow": 0.02, "wide": 0.05, "bowl": 0.3, "steep": 5.0}
#: The share of the bootstrap variance that earlier versions allowed for.
EARLIER_SHARE = 0.5


@dataclass(frozen=True)
class Design:
    """The stages of a study.

    Attributes:
        selection_seeds: Seeds that all settings have.
        evaluation_seeds: Further seeds of the selected settings; 0 reports the selection seeds.
        candidates: The number of settings that are ranked again with further seeds; 0 for none.
        candidate_seeds: The number of these seeds.
    """

    selection_seeds: int
    evaluation_seeds: int = 0
    candidates: int = 0
    candidate_seeds: int = 0

    def __str__(self) -> str:
        stages = [f"{self.selection_seeds}"]
        stages += [f"{self.candidates}×{self.candidate_seeds}"] if self.candidates else []
        stages += [f"{self.evaluation_seeds}"] if self.evaluation_seeds else []
        return " + ".join(stages)

    @property
    def seeds(self) -> int:
        """The number of seeds of the selected setting."""
        return self.selection_seeds + self.candidate_seeds + self.evaluation_seeds


#: The columns of the table of designs.
OUTCOMES = ("no difference", "a difference")
#: The stages of the tables of claims.
DESIGNS = (
    *(Design(5), Design(20), Design(1, 10), Design(3, 10), Design(5, 20), Design(10, 20)),
    *(Design(5, 50), Design(5, 100)),
    *(Design(3, 50, 5, 10), Design(5, 50, 5, 5), Design(5, 100, 5, 10)),
)
#: Designs with 340 runs of each optimizer, for 64 settings.
EQUAL_COST = (
    *(Design(5, 20), Design(4, 34, 5, 10), Design(3, 98, 5, 10), Design(3, 68, 5, 16)),
    *(Design(3, 68, 10, 8), Design(2, 112, 10, 10)),
)
#: Surfaces and effects of examples of the table of designs.
DESIGN_SCENARIOS = [
    (surface, examples)
    for examples in ((0.0, 0.0), (0.5, 0.1))
    for surface in ("flat", "wide", "bowl")
]


@dataclass(frozen=True)
class Scenario:
    """Parameters of simulated studies.

    Attributes:
        surface: One of `SURFACES`; all settings are equal in "flat".
        noise: One of `NOISES`.
        settings: The number of settings of each optimizer.
        design: The stages of the studies.
        noise_ratio: The noise of the optimizers after the first, relative to the first one's; the
            effect of the seed is common to all.
        examples: Standard deviation over settings of the effect of the validation examples, and of
            the test examples, on a setting's error.
        better: By how much the first optimizer is truly better, in standard deviations of a run.
    """

    surface: str
    noise: str
    settings: tuple[int, ...]
    design: Design
    noise_ratio: float = 1.0
    examples: tuple[float, float] = (0.0, 0.0)
    better: float = 0.0

    @property
    def description(self) -> dict[str, object]:
        """The columns of a table that name the scenario, without its design."""
        ratio = "" if self.noise_ratio == 1 else f", 1 and {self.noise_ratio}"
        return {
            "errors of settings": self.surface,
            "noise": self.noise + ratio,
            "examples": "{:g} and {:g}".format(*self.examples) if any(self.examples) else "",
            "settings": ", ".join(map(str, self.settings)),
        }


def true_errors(surface: str, settings: int) -> Floats:
    """Return the true errors of the settings, the lowest at 0."""
    side = int(np.sqrt(settings))
    squares = (np.arange(side) - (side - 1) / 2) ** 2
    errors = SURFACES[surface] * (squares[:, None] + squares).ravel()
    return np.resize(errors - errors.min(), settings)


@dataclass(frozen=True)
class SimulatedArm:
    """An optimizer in simulated studies.

    Attributes:
        validation: Validation errors that selected the setting, (studies, settings, seeds).
        test: The test errors of the same runs.
        reported_validation: Validation errors of the reported seeds, (studies, seeds).
        reported: The test errors of the same runs.
        design: The stages of the studies.
    """

    validation: Floats
    test: Floats
    reported_validation: Floats
    reported: Floats
    design: Design

    def bias(self, earlier: bool = False) -> SelectionBias:
        """Return the selection bias, or the one that earlier versions estimated."""
        bias = selection_bias(
            self.validation,
            np.full_like(self.test, np.nan) if earlier else self.test,
            self.test,
            fresh=bool(self.design.evaluation_seeds) or self.test.shape[1] == 1,
            candidates=not earlier and self.test.shape[-1] > self.design.selection_seeds,
            single_setting_sd=self.reported_validation.std(axis=-1, ddof=1),
        )
        scale = EARLIER_SHARE / SHARE if earlier else 1.0
        return bias._replace(variance=scale * np.asarray(bias.variance))


def simulated(
    rng: Rng, s: Scenario, settings: int, seeds: Floats, first: bool = False
) -> SimulatedArm:
    """Return an optimizer's runs in each study.

    Args:
        rng: Random numbers.
        s: The scenario.
        settings: The number of settings.
        seeds: The effects of the seeds, (studies, seeds).
        first: Whether this is the first optimizer.
    """
    size, better = (1.0, s.better) if first else (s.noise_ratio, 0.0)
    shape = (len(seeds), settings)
    truth = true_errors(s.surface, settings) - better
    means = [truth + sd * rng.standard_normal(shape) for sd in s.examples]

    def runs(chosen: Floats, effects: Floats) -> tuple[Floats, ...]:
        noise = NOISES[s.noise](rng, (*chosen.shape, effects.shape[-1]))
        quality = np.sqrt(SHARED) * effects[:, None] + size * np.sqrt(1 - SHARED) * noise
        single = (size * np.sqrt(1 - CORRELATION) * rng.standard_normal(noise.shape) for _ in means)
        return tuple(
            np.take_along_axis(mean, chosen, axis=1)[..., None] + np.sqrt(CORRELATION) * quality + e
            for mean, e in zip(means, single, strict=True)
        )

    design = s.design
    stages = np.split(seeds, np.cumsum([design.selection_seeds, design.candidate_seeds]), axis=1)
    chosen = np.tile(np.arange(settings), (len(seeds), 1))
    validation, test = runs(chosen, stages[0])
    if design.candidates and 2 * design.candidates <= settings:
        chosen = validation.mean(axis=-1).argsort(axis=-1)[:, : design.candidates]
        earlier = (np.take_along_axis(x, chosen[..., None], axis=1) for x in (validation, test))
        pairs = zip(earlier, runs(chosen, stages[1]), strict=True)
        validation, test = (np.concatenate(pair, axis=-1) for pair in pairs)
    best = validation.mean(axis=-1).argmin(axis=-1)[:, None]
    selected = np.take_along_axis(chosen, best, axis=1)
    if design.evaluation_seeds:
        reported = runs(selected, stages[2])
    else:
        reported = tuple(np.take_along_axis(x, best[..., None], axis=1) for x in (validation, test))
    return SimulatedArm(validation, test, *(x[:, 0] for x in reported), design)


def chunks(s: Scenario, studies: int) -> Iterator[list[SimulatedArm]]:
    """Yield the arms of some studies at a time."""
    rng = np.random.default_rng([*f"{s.description}{s.design}".encode()])
    for _ in range(studies // CHUNK):
        seeds = NOISES[s.noise](rng, (CHUNK, s.design.seeds))
        counts = enumerate(s.settings)
        yield [simulated(rng, s, count, seeds, first=not i) for i, count in counts]


def claims(s: Scenario, studies: int, *, earlier: bool = False) -> tuple[float, float]:
    """Return how often any difference is significant: in verdicts, and without an allowance.

    Args:
        s: The scenario.
        studies: The number of simulated studies.
        earlier: Whether verdicts have the allowance for selection of earlier versions.
    """
    claimed = []
    for arms in chunks(s, studies):
        tests = [_tests(a, b, s.examples[1]) for a, b in combinations(arms, 2)]
        biases = combinations([arm.bias(earlier) for arm in arms], 2)
        plain = _adjusted(_largest([e.p_value for e in test]) for test in tests)
        with_selection = _adjusted(
            _largest([selection_p_value(e, *pair) for e in test])
            for test, pair in zip(tests, biases, strict=True)
        )
        p_values = np.maximum(plain, with_selection), plain
        claimed.append([(p < estimates.ALPHA).any(axis=-1) for p in p_values])
    verdict, plain_share = np.concatenate(claimed, axis=-1).mean(axis=-1)
    return float(verdict), float(plain_share)


def _largest(p_values: Sequence[Floats]) -> Floats:
    return np.asarray(np.max(p_values, axis=0))


def _tests(a: SimulatedArm, b: SimulatedArm, examples: float) -> tuple[Estimate, ...]:
    """Return the estimates of a difference that have to be significant, as `Difference` does."""
    part = ExamplePart(2 * examples**2, 0.0) if examples else None
    return required_estimates(estimates.mean(a.reported - b.reported), part)


def _adjusted(p_values: Iterable[Floats]) -> Floats:
    """Return Holm-adjusted p-values, (studies, pairs), from those of each pair."""
    return np.stack([estimates.holm(p) for p in np.stack(list(p_values), axis=-1)])


def claims_table(studies: int, better: float, scenarios: Sequence[Scenario]) -> str:
    """Return a table of how often verdicts, and plain tests, claim a difference, in percent."""
    rows: dict[str, dict[str, object]] = {}
    for s in scenarios:
        verdict, plain = claims(replace(s, better=better), studies)
        row = rows.setdefault(str(s.description), s.description)
        row[str(s.design)] = f"{percent(verdict)} ({percent(plain)})"
    return markdown(rows.values())


def designs_table(studies: int, better: float, quick: bool) -> str:
    """Return a table of the claims of designs that cost the same, with earlier versions' claims."""
    rows = []
    for (surface, examples), design in ((x, y) for x in DESIGN_SCENARIOS for y in EQUAL_COST):
        s = Scenario(surface, "normal", (64, 64), design, examples=examples)
        texts = []
        for truth in (replace(s, better=b) for b in (0.0, better)):
            earlier, plain = claims(truth, studies, earlier=True)
            verdict, _ = claims(truth, studies)
            texts.append(f"{percent(verdict)} ({percent(earlier)}, {percent(plain)})")
        names = {k: v for k, v in s.description.items() if k in ("errors of settings", "examples")}
        rows.append(names | {"seeds": str(design)} | dict(zip(OUTCOMES, texts, strict=True)))
        if quick and len(rows) == 2:
            break
    return markdown(rows)


def scenarios(quick: bool) -> list[Scenario]:
    """Return the scenarios to simulate; `quick` takes a few designs of each."""
    designs = DESIGNS[::6] if quick else DESIGNS
    two, one = (36, 36), (36, 1)
    equal_noise = [
        *(("flat", "normal", settings) for settings in (two, (36, 4), one, (16,) * 4)),
        *((surface, "normal", two) for surface in ("shallow", "wide", "bowl", "steep")),
        ("wide", "normal", one),
        *(("flat", "exponential", settings) for settings in (two, one)),
        *((surface, "exponential", two) for surface in ("wide", "bowl")),
    ]
    cases = [Scenario(*case, DESIGNS[0]) for case in equal_noise]
    cases += [
        Scenario(surface, noise, two, DESIGNS[0], noise_ratio=0.3)
        for surface in ("flat", "wide", "bowl")
        for noise in ("normal", "exponential")
    ]
    cases += [
        Scenario(surface, "normal", two, DESIGNS[0], examples=examples)
        for surface in ("wide", "bowl")
        for examples in ((0.5, 0.5), (0.5, 0.1), (1.0, 0.2))
    ]
    return [replace(case, design=design) for case in cases for design in designs]
