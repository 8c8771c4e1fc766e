"""Check: do the intervals of comparisons cover the sample of training data?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.pairing import data_vary_with_seed
from adamcmp.analysis.run_table import RunTable
from adamcmp.components.groups import COMPONENT_GROUPS


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems with comparisons whose intervals leave out training data.

    Imported runs do not say how their data were split.
    """
    for problem, subtable in table.by_problem():
        runs = subtable.runs
        compared = runs["torch_version"].notna().all() and runs["optimizer"].nunique() > 1
        if compared and (text := _left_out(runs)):
            yield Finding("training data", "note", problem, text)


def _left_out(runs: pd.DataFrame) -> str:
    """Return what the intervals of a problem leave out; empty if they cover the data."""
    if not data_vary_with_seed(runs):
        return (
            "All seeds have one split of the data, so intervals do not cover the sample of "
            "training data. On mnist1d, the standard deviation of the difference between AdamW "
            "and SGD is 1.2 points over seeds and training sets, and 0.8 points over seeds alone. "
            "In a new study, data_seed=seed draws the data with each run's seed."
        )
    if _share_examples(runs):
        shared = 1 - float(runs["dataset.validation"].iloc[0])
        return (
            f"The training sets of two seeds have {100 * shared:.0f} % of their examples in "
            f"common, since they are splits of one dataset. Intervals contain only a small part of "
            f"the variance that fresh training data would have."
        )
    return ""


def _share_examples(runs: pd.DataFrame) -> bool:
    """Return whether the seeds' training sets are the same examples, less the validation sets."""
    group, name = COMPONENT_GROUPS["dataset"], str(runs["dataset"].iloc[0])
    if name not in group.names or runs["dataset.subset"].notna().any():
        return False
    dataset: Any = group.component(name)
    return not dataset.is_generated
