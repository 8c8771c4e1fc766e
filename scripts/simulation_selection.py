"""How often verdicts claim a difference between optimizers after selection of settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from adamcmp.analysis import estimates
from adamcmp.analysis.estimates import Estimate
from adamcmp.analysis.example_variance import ExamplePart, required_estimates
from adamcmp.analysis.selection_bias import selection_p_value
from simulation_noise import Floats, markdown, percent
from simulation_studies import Design, Scenario, SimulatedArm, chunks

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


def claims(scenario: Scenario, studies: int, *, earlier: bool = False) -> tuple[float, float]:
    """Return how often any difference is significant: in verdicts, and without an allowance.

    Args:
        scenario: The scenario.
        studies: The number of simulated studies.
        earlier: Whether verdicts have the allowance for selection of earlier versions.
    """
    claimed = []
    for arms in chunks(scenario, studies):
        tests = [_tests(a, b, scenario.examples[1]) for a, b in combinations(arms, 2)]
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
    for scenario in scenarios:
        verdict, plain = claims(replace(scenario, better=better), studies)
        row = rows.setdefault(str(scenario.description), scenario.description)
        row[str(scenario.design)] = f"{percent(verdict)} ({percent(plain)})"
    return markdown(rows.values())


def designs_table(studies: int, better: float, quick: bool) -> str:
    """Return a table of the claims of designs that cost the same, with earlier versions' claims."""
    rows = []
    for (surface, examples), design in ((x, y) for x in DESIGN_SCENARIOS for y in EQUAL_COST):
        scenario = Scenario(surface, "normal", (64, 64), design, examples=examples)
        texts = []
        for truth in (replace(scenario, better=b) for b in (0.0, better)):
            earlier, plain = claims(truth, studies, earlier=True)
            verdict, _ = claims(truth, studies)
            texts.append(f"{percent(verdict)} ({percent(earlier)}, {percent(plain)})")
        names = {
            k: v for k, v in scenario.description.items() if k in ("errors of settings", "examples")
        }
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
        *((surface, "normal", one) for surface in ("wide", "bowl")),
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
    small_validation = DESIGNS[0], 1.0, (0.5, 0.1)
    cases += [
        Scenario("wide", "normal", one, *small_validation),
        *(Scenario("bowl", "normal", settings, *small_validation) for settings in (one, (36, 4))),
        Scenario("bowl", "normal", one, DESIGNS[0], examples=(1.0, 0.2)),
        *(Scenario("bowl", "normal", each, DESIGNS[0], examples=(2.0, 0.2)) for each in (two, one)),
        Scenario("bowl", "normal", two, DESIGNS[0], noise_ratio=0.3, examples=(0.5, 0.1)),
        Scenario("bowl", "normal", (144, 144), *small_validation),
    ]
    return [replace(case, design=design) for case in cases for design in designs]
