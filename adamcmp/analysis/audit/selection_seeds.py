"""Check: were settings selected on far fewer seeds than they were evaluated on?"""

from __future__ import annotations

from collections.abc import Iterator

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.selection import MIN_EVALUATION_SEEDS
from adamcmp.analysis.wording import display_name

#: From this ratio of evaluation seeds to the seeds of the selection on, verdicts on some simulated
#: studies make more false claims than they should (docs/statistics.md).
MIN_RATIO = 10


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems on which settings have many evaluation seeds after few selection seeds."""
    ranked = table.ranked()
    best = ranked[(ranked["rank"] == 0) & (ranked["settings"] > 1)]
    counts: dict[str, list[str]] = {}
    for (problem, optimizer), runs in best.groupby(GROUP, sort=False):
        selecting = int(runs["selection_seed"].sum())
        evaluating = len(runs) - selecting
        if evaluating >= max(MIN_EVALUATION_SEEDS, MIN_RATIO * selecting):
            seeds = f"{display_name(str(optimizer))} {selecting} and {evaluating}"
            counts.setdefault(str(problem), []).append(seeds)
    for problem, texts in counts.items():
        text = (
            f"Few selection seeds and many evaluation seeds ({', '.join(texts)}). In simulated "
            f"studies with 5 and 100, verdicts claimed a difference in up to 7 % of those without "
            f"one. Candidates in a study file select better settings."
        )
        yield Finding("selection seeds", "note", problem, text)
