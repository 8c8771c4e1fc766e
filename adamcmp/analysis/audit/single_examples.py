"""Check: were batches of a single example normalized by their own mean?

Their normalized values are all 0, so the network learns nothing from its inputs. adamcmp refuses
to train such runs, as torch does; earlier versions did not.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name


def check(table: RunTable) -> Iterator[Finding]:
    """Yield optimizers with runs of the model ``mlp`` with batch norm and batch_size=1."""
    for problem, optimizer, subtable in table.by_optimizer():
        runs = subtable.runs
        no_norm = pd.Series(None, runs.index, object)  # imported runs have no such column
        normalizes = (runs["model"] == "mlp") & (runs.get("model.norm", no_norm) == "batch")
        affected = normalizes & (runs["batch_size"] == 1) & runs["torch_version"].notna()
        if affected.any():
            yield Finding(
                "batch norm",
                "warning",
                problem,
                f"{affected.sum()} of {len(runs)} runs of {display_name(optimizer)} normalized "
                f"batches of one example, which sets all values to 0. Train with a larger "
                f"batch_size.",
                undermines="batches of one example with batch norm",
            )
