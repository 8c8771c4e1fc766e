"""What runs of one seed share, and whether two arms are compared seed by seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from adamcmp.analysis.arms import Arm


def has_paired_seeds(runs: pd.DataFrame) -> pd.Series[bool]:
    """Return which runs share initial weights and batches with others of their seed.

    It is false only for imported runs, unless the import said so.
    """
    if "paired_seeds" not in runs:
        return pd.Series(True, runs.index)
    return runs["paired_seeds"].map(lambda paired: pd.isna(paired) or bool(paired)).astype(bool)


def data_vary_with_seed(runs: pd.DataFrame) -> bool:
    """Return whether each of some runs was trained on data drawn with its own seed.

    >>> data_vary_with_seed(pd.DataFrame({"seed": [0, 1], "dataset.data_seed": ["seed", "seed"]}))
    True
    """
    return "dataset.data_seed" in runs and bool((runs["dataset.data_seed"] == "seed").all())


def are_paired(a: Arm, b: Arm, x: pd.Index[int], y: pd.Index[int]) -> bool:
    """Return whether two arms share enough seeds to be compared seed by seed.

    Seeds are paired if the arms share at least two of them, and at least half of the seeds of the
    arm with fewer. If an arm has one seed, it is paired if the other arm has this seed. Equal seeds
    of imported runs are paired only if the import says that they share weights and batches.

    Args:
        a: One arm.
        b: The other arm.
        x: Seeds of a.
        y: Seeds of b.
    """
    shared, fewer = len(x.intersection(y)), min(len(x), len(y))
    comparable = all(has_paired_seeds(arm.reported).all() for arm in (a, b))
    return comparable and fewer > 0 and shared >= max(min(2, fewer), fewer / 2)
