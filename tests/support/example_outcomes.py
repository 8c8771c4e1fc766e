"""Runs with their outcomes on single test examples."""

import numpy as np
import pandas as pd

from adamcmp.analysis import RunTable
from adamcmp.storage.outcomes import encode
from tests.support.seeded_runs import at_setting, runs_from


def table_with_outcomes(wrong, total=None, set_ids=None):
    """Return a table of runs of several optimizers, with outcomes on each test example.

    Args:
        wrong: For each optimizer an array (seeds, examples) of 0 and 1.
        total: The number of test examples, if only a part of the outcomes is stored.
        set_ids: The test set of each optimizer; by default all have the same.
    """
    rows, examples = [], []
    for optimizer, outcomes in wrong.items():
        rows += at_setting(optimizer, outcomes.mean(axis=1))
        examples += [
            {
                **{"run_id": f"{optimizer}0.1{seed}", "split": "test", "metric": "error"},
                "set_id": (set_ids or {}).get(optimizer, "s"),
                **{"total": total or outcomes.shape[1], "stored": outcomes.shape[1]},
                "outcomes": encode(of_seed, "error"),
            }
            for seed, of_seed in enumerate(outcomes)
        ]
    return RunTable(runs_from(rows), all_examples=pd.DataFrame(examples))


def drawn(generator, shares, seeds, examples):
    """Return outcomes that are wrong with a probability of each example, for each of `shares`.

    Examples are equally hard for all optimizers, up to the share.
    """
    hardness = generator.beta(0.5, 1.5, examples)
    return {
        name: (generator.random((seeds, examples)) < np.clip(hardness * factor, 0, 1)).astype(float)
        for name, factor in shares.items()
    }
