"""Runs by optimizer, lr and seed, with the errors of each seed."""

import pandas as pd

from adamcmp.analysis import RunTable
from adamcmp.analysis.arms import Arm
from adamcmp.storage.columns import RUN_COLUMNS

NAN = float("nan")
#: Test errors by seed; A is better than B.
A = [0.20, 0.22, 0.21, 0.23, 0.20, 0.21]
B = [0.25, 0.26, 0.27, 0.27, 0.26, 0.24]


def runs_from(rows, regression=False) -> pd.DataFrame:
    """Runs from (optimizer, lr, seed, val, test[, status]); the training loss is the lr."""
    frame = pd.DataFrame(
        [
            {
                "run_id": f"{o}{lr}{seed}", "dataset": "d", "model": "m", "problem": "d, m",
                "optimizer": o, "lr": lr, "wd": 0.0, "seed": seed, "status": (rest or ["done"])[0],
                "train_loss": lr if val == val else NAN,
                **({"val_loss": val, "test_loss": test} if regression else
                   {"val_error": val, "test_error": test, "test_accuracy": 1 - test}),
            }
            for o, lr, seed, val, test, *rest in rows
        ]
    )  # fmt: skip
    return frame.reindex(columns=dict.fromkeys([*frame.columns, *RUN_COLUMNS]))


def at_setting(optimizer, tests, lr=0.1, val=0.3, seeds=None):
    """Runs of one setting from its test errors."""
    seeds = range(len(tests)) if seeds is None else seeds
    return [(optimizer, lr, seed, val, test) for seed, test in zip(seeds, tests, strict=True)]


def arm(tests, seeds=None, name="x", **more):
    """An arm with one setting, from its test errors."""
    return Arm.select(name, RunTable(runs_from(at_setting(name, tests, seeds=seeds, **more))))
