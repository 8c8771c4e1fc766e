"""Check: does every optimizer evaluate one gradient in each step?"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name, join_names

#: Settings with which a step evaluates several gradients, and the value with which it does not.
_SINGLE = {"optimizer.sam_rho": 0.0, "optimizer.closure": False}


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems of which only some optimizers evaluate several gradients in a step.

    The settings that count are the best ones, which the verdict compares.
    """
    columns = [column for column in _SINGLE if column in table.runs]
    for problem, subtable in table.by_problem() if columns else ():
        selected = subtable.selected()
        several = _several(selected, columns).groupby(selected["optimizer"], sort=False).any()
        names = [display_name(str(name)) for name in several.index[several]]
        if names and not several.all():
            verb = "evaluates" if len(names) == 1 else "evaluate"
            yield Finding(
                "gradients",
                "note",
                problem,
                f"{join_names(names)} {verb} more than one gradient in each step (SAM: two). At "
                f"equal steps the other optimizers had less computation: compare them at more "
                f"steps too.",
            )


def _several(runs: pd.DataFrame, columns: list[str]) -> pd.Series[bool]:
    """Return which runs evaluate several gradients in a step."""
    several = pd.Series(False, runs.index)
    for column in columns:
        several |= runs[column].notna() & (runs[column] != _SINGLE[column])
    return several
