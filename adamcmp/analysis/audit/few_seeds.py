"""Check: do the selected settings have enough seeds for a claim?"""

from __future__ import annotations

from collections.abc import Iterator

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name

#: Minimum number of seeds of a selected setting that supports a claim.
ENOUGH_SEEDS = 5


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems whose selected settings have too few seeds."""
    for problem, group in table.selected().groupby("problem", sort=False):
        seeds = group.groupby("optimizer", sort=False)["seed"].nunique()
        few = seeds[seeds < ENOUGH_SEEDS]
        if len(few):
            counts = ", ".join(f"{display_name(str(o))} {n}" for o, n in few.items())
            yield Finding(
                "few seeds",
                "warning",
                str(problem),
                f"The selected settings have few seeds ({counts}). One seed gives no interval; "
                f"with fewer than {ENOUGH_SEEDS} the interval is wide and assumes normal noise.",
            )
