"""The stored outcomes of runs on single examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from adamcmp.analysis.estimates import Floats
from adamcmp.storage.outcomes import decode


class Outcomes(NamedTuple):
    """The outcomes of some runs on the same examples.

    Attributes:
        values: Shape (runs, examples): 1 where a prediction is wrong, else 0; or losses.
        total: The number of examples of the split. It is larger than that of `values` if only the
            outcomes on evenly spaced examples were stored.
    """

    values: Floats
    total: int


class StoredOutcomes:
    """Looks up the outcomes of runs on each example of a split.

    Args:
        examples: One row per run, split and metric, such as ``adamcmp.load("first").examples``.
            Pooled studies may repeat rows.
    """

    def __init__(self, examples: pd.DataFrame) -> None:
        rows = examples.set_index(["run_id", "split", "metric"])
        self._rows = rows[~rows.index.duplicated(keep="last")]

    def has(self, run_id: str, split: str, metric: str) -> bool:
        """Return whether the outcomes of a run are stored.

        Args:
            run_id: The run.
            split: ``"val"`` or ``"test"``.
            metric: ``"error"`` or ``"loss"``.
        """
        return (run_id, split, metric) in self._rows.index

    def of(self, run_ids: Sequence[str], split: str, metric: str) -> Outcomes | None:
        """Return the outcomes of runs.

        Args:
            run_ids: The runs; the rows of the result are in their order.
            split: ``"val"`` or ``"test"``.
            metric: ``"error"`` or ``"loss"``.

        Returns:
            None if the outcomes of some run are not stored, or were not on the same examples.
        """
        if not run_ids or not all(self.has(run_id, split, metric) for run_id in run_ids):
            return None
        rows = self._rows.loc[[(run_id, split, metric) for run_id in run_ids]]
        if len(rows[["set_id", "total", "stored"]].drop_duplicates()) > 1:
            return None
        stored_bytes = zip(rows["outcomes"], rows["stored"], strict=True)
        values = [decode(content, metric, count) for content, count in stored_bytes]
        return Outcomes(np.stack(values), int(rows["total"].iloc[0]))
