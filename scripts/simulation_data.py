"""Comparisons of two optimizers on samples of seeds, training data and test examples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simulation_examples import SEED_EFFECTS, SeedEffects, claims
from simulation_noise import Floats, Rng, markdown

SEEDS = (5, 10, 20)
#: The standard deviation of the data's effect on a difference, relative to that of the seeds, with
#: the number of test examples. On mnist1d the two are about equal.
CASES = ((0.5, 1000), (1.0, 1000), (1.0, 10_000), (2.0, 1000))
#: The share of the training examples that two seeds have in common.
SHARED = {"one sample": 1.0, "splits of one sample": 0.9, "a sample per seed": 0.0}


def data_table(studies: int, training_data: Iterable[str] = SHARED, worse: float = 0.0) -> str:
    """Return the share of studies that claim a difference, as a table.

    Args:
        studies: The number of simulated studies.
        training_data: Some of `SHARED`.
        worse: How much worse one optimizer is on every example, in logits.
    """
    rows = []
    for effect, examples in CASES:
        for name in training_data:
            row: dict[str, object] = {"effect of the data": f"{effect:g}"}
            row |= {"test examples": f"{examples:,}", "training data": name}
            for seeds in SEEDS:
                effects = seed_and_data_effects(effect, SHARED[name], seeds)
                row[f"{seeds} seeds"] = claims(studies, effects, examples, worse)
            rows.append(row)
    return markdown(rows)


def seed_and_data_effects(data: float, shared: float, seeds: int) -> SeedEffects:
    """Return a function that draws the sum of the effects of each seed and of its training data.

    Args:
        data: The standard deviation of the data's effect, relative to that of the seeds.
        shared: The share of the training examples that two seeds have in common, which is the
            correlation of the effects of their data.
        seeds: The number of seeds.
    """
    size = SEED_EFFECTS["different seeds"]

    def draw(rng: Rng) -> Floats:
        common, of_each = rng.standard_normal(), rng.standard_normal((seeds, 1))
        of_data = np.sqrt(shared) * common + np.sqrt(1 - shared) * of_each
        return size * (rng.standard_normal((seeds, 1)) + data * of_data)

    return draw
