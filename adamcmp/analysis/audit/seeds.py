"""Check: were the selected settings trained with the same seeds?"""

from __future__ import annotations

from collections.abc import Iterator

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems whose selected settings have different seeds."""
    for problem, group in table.selected().groupby("problem", sort=False):
        seeds = {str(o): set(runs["seed"]) for o, runs in group.groupby("optimizer", sort=False)}
        shared = set.intersection(*seeds.values())
        if any(seed_set != shared for seed_set in seeds.values()):
            counts = ", ".join(f"{display_name(o)} {len(s)}" for o, s in seeds.items())
            yield Finding(
                "seeds",
                "warning",
                str(problem),
                f"The selected settings were trained with different seeds ({counts}; "
                f"{len(shared)} shared); paired comparisons use only the shared ones.",
            )
