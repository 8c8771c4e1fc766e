"""Check: did runs diverge, fail or go missing, and how were they counted?"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from adamcmp.analysis.audit.finding import Finding, Severity
from adamcmp.analysis.measures.budgets import budgets
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name

#: The severity of lost runs, and an explanation of how they are counted.
_COUNTED: Mapping[str, tuple[Severity, str]] = {
    "diverged": (
        "note",
        "a setting that diverged on a seed ranks behind every setting that did not",
    ),
    "failed": (
        "warning",
        "they are left out. Repeat the command that trained them with --retry-failed",
    ),
    "missing": (
        "warning",
        "most settings, of the same or another optimizer, have these seeds; the others are ranked "
        "by the seeds they have. Repeat the command that requested the missing runs",
    ),
}


def check(table: RunTable) -> Iterator[Finding]:
    """Yield runs that diverged, failed or are missing, per problem."""
    selected = table.selected()
    for problem, group in budgets(table).groupby("problem", sort=False):
        yield from _diverged_selected(str(problem), selected)
        for status, (severity, explanation) in _COUNTED.items():
            affected = group[group[status] > 0]
            if len(affected):
                counts = ", ".join(_count(row, status) for row in affected.to_dict("records"))
                text = f"{status.capitalize()} runs: {counts}; {explanation}."
                doubt = f"{status} runs" if severity == "warning" else ""
                yield Finding(status, severity, str(problem), text, undermines=doubt)


def _diverged_selected(problem: str, selected: pd.DataFrame) -> Iterator[Finding]:
    """Yield optimizers whose selected setting has diverged runs."""
    of_problem = selected[selected["problem"] == problem]
    for optimizer, runs in of_problem.groupby("optimizer", sort=False):
        diverged, name = int((runs["status"] == "diverged").sum()), display_name(str(optimizer))
        if diverged == len(runs):
            text = (
                f"Every run of the selected setting of {name} diverged, so it has no result on "
                f"this problem. Try smaller values of lr."
            )
        else:
            text = (
                f"{diverged} run{'s' * (diverged > 1)} of the selected setting of {name} diverged: "
                f"its mean is over the other runs, so it looks better than it is."
            )
        if diverged:
            yield Finding("diverged", "warning", problem, text, undermines="diverged runs")


def _count(row: Mapping[Hashable, Any], status: str) -> str:
    total = row["runs"] + (row["missing"] if status == "missing" else 0)
    return f"{display_name(row['optimizer'])} {row[status]} of {total}"
