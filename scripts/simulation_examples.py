"""Comparisons of two optimizers on a sample of test examples: false claims and power."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from scipy import special

from adamcmp.analysis import estimates
from adamcmp.analysis.example_variance import example_part, with_examples
from simulation_noise import Floats, Rng, markdown, percent

SEEDS = (3, 5, 10, 20)
EXAMPLES = (300, 1000, 10_000)
#: Standard deviations, in logits, of an example's difficulty, which both optimizers share; of its
#: difference between the optimizers; and of the outcome of a seed on an example.
DIFFICULTY, EXAMPLE, OUTCOME = 3.0, 0.5, 1.0
#: Draws the effect of each seed of one optimizer on all examples, in logits: (seeds, 1).
SeedEffects = Callable[[Rng], Floats]
#: Standard deviations, in logits, of a seed's effect on all examples.
SEED_EFFECTS = {"similar seeds": 0.02, "different seeds": 0.1}


def examples_table(studies: int, worse: float = 0.0) -> str:
    """Return the share of studies that claim a difference, as a table.

    In parentheses with intervals over seeds only.

    Args:
        studies: The number of simulated studies.
        worse: How much worse one optimizer is on every example, in logits.
    """
    rows = []
    for (name, effect), examples in product(SEED_EFFECTS.items(), EXAMPLES):
        row: dict[str, object] = {"seeds": name, "test examples": f"{examples:,}"}
        for seeds in SEEDS:
            effects = normal_effects(effect, seeds)
            row[f"{seeds} seeds"] = claims(studies, effects, examples, worse)
        rows.append(row)
    return markdown(rows)


def normal_effects(effect: float, seeds: int) -> SeedEffects:
    """Return a function that draws independent effects of seeds, of standard deviation `effect`."""
    return lambda rng: effect * rng.standard_normal((seeds, 1))


def claims(studies: int, seed_effects: SeedEffects, examples: int, worse: float) -> str:
    """Return the percentage of studies that claim a difference; in parentheses by seeds only."""
    claimed = np.array(list(_claims(studies, seed_effects, examples, worse)))
    both, over_seeds = map(percent, claimed.mean(axis=0))
    return f"{both} ({over_seeds})"


def _claims(
    studies: int, seed_effects: SeedEffects, examples: int, worse: float
) -> Iterator[tuple[bool, bool]]:
    """Yield whether a study claims a difference: with both parts, and with that of seeds only."""
    rng = np.random.default_rng(0)
    for _ in range(studies):
        a, b = outcomes(rng, seed_effects, examples, worse)
        over_seeds = estimates.mean((a - b).mean(axis=1))
        both = with_examples(over_seeds, example_part([a - b], examples))
        claimed, also = (bool(e.p_value < estimates.ALPHA) for e in (over_seeds, both))
        yield claimed and also, claimed


def outcomes(
    rng: Rng, seed_effects: SeedEffects, examples: int, worse: float = 0.0
) -> tuple[Floats, Floats]:
    """Return the outcomes of two optimizers, of which the first may be worse, (seeds, examples).

    An example is wrong with a probability whose logit is the sum of the example's difficulty, its
    difference between optimizers, the seed's effect, and an effect of the seed on the example.
    """
    difficulty = DIFFICULTY * rng.standard_normal(examples) - 2.0

    def of_one(worse: float) -> Floats:
        logits = worse + difficulty + EXAMPLE * rng.standard_normal(examples) + seed_effects(rng)
        logits = logits + OUTCOME * rng.standard_normal(logits.shape)
        return (rng.random(logits.shape) < special.expit(logits)).astype(np.float64)

    return of_one(worse), of_one(0.0)
