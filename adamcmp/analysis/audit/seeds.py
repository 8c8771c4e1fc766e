"""Check: do the selected settings have enough seeds for a claim, and the same ones?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adamcmp.analysis.audit.finding import Finding, extend_command
from adamcmp.analysis.pairing import has_paired_seeds
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name

#: Minimum number of seeds of a selected setting that supports a claim.
ENOUGH_SEEDS = 5


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems whose selected settings have few or different seeds."""
    for problem, group in table.selected().groupby("problem", sort=False):
        seeds = {str(o): set(runs["seed"]) for o, runs in group.groupby("optimizer", sort=False)}
        few = {o: numbers for o, numbers in seeds.items() if len(numbers) < ENOUGH_SEEDS}
        if few:
            yield Finding(
                "few seeds",
                "warning",
                str(problem),
                f"The selected settings have few seeds ({_counts(few)}). One seed gives no "
                f"interval; with fewer than {ENOUGH_SEEDS} the interval is wide and assumes normal "
                f"noise.",
                extend_command(table.of_problem(str(problem)).runs, f"seeds={ENOUGH_SEEDS}"),
            )
        shared = set.intersection(*seeds.values())
        paired = has_paired_seeds(group).all()
        if paired and any(numbers != shared for numbers in seeds.values()):
            yield Finding(
                "seeds",
                "warning",
                str(problem),
                f"The selected settings were trained with different seeds ({_counts(seeds)}; "
                f"{len(shared)} shared); paired comparisons use only the shared ones.",
            )


def _counts(seeds: Mapping[str, set[int]]) -> str:
    return ", ".join(f"{display_name(name)} {len(numbers)}" for name, numbers in seeds.items())
