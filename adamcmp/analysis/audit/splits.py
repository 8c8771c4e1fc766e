"""Check: are results reported on another split than the one that settings were selected on?"""

from __future__ import annotations

from collections.abc import Iterator

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.metrics import reported_split
from adamcmp.analysis.run_table import RunTable


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems without a test split, whose results are those of the selection."""
    for problem, subtable in table.by_problem():
        if reported_split(subtable.runs) == "val":
            yield Finding(
                "splits",
                "warning",
                problem,
                "Settings are selected and reported on the same split: the runs have no test "
                "metric, so the best of several settings looks better than it is.",
                undermines="settings selected on the reported split",
            )
