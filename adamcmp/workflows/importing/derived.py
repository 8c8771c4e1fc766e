"""Columns that follow from other columns of a file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from adamcmp.storage.columns import GAP_METRICS, SPLITS

if TYPE_CHECKING:
    import pandas as pd


def add_derived(table: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that follow from others: error or accuracy, generalization gaps, epochs."""
    for prefix in ("", "best_"):
        for split in SPLITS:
            for measure, complement in (("error", "accuracy"), ("accuracy", "error")):
                source, target = f"{prefix}{split}_{measure}", f"{prefix}{split}_{complement}"
                if source in table and target not in table:
                    table[target] = (1 - table[source]).abs()  # inf stays inf, not -inf
        for measure in GAP_METRICS:
            train, test = (f"{prefix}{split}_{measure}" for split in ("train", "test"))
            if {train, test} <= {*table} and f"{prefix}gap_{measure}" not in table:
                gap = table[test] - table[train]
                # A gap to an infinite metric has no meaning.
                table[f"{prefix}gap_{measure}"] = gap.where(abs(gap) != math.inf)
    if "step" in table and "epoch" not in table:
        table["epoch"] = table["step"] * table["batch_size"] / table["train_examples"]
    return table
