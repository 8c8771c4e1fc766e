"""Check: do the intervals of comparisons cover the test examples, or seeds only?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from adamcmp.analysis.arms import Arm, Difference
from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.outcomes import bound_of_examples
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import format_fixed, scale, unit


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems with comparisons whose intervals leave out the test examples."""
    for problem, subtable in table.by_problem():
        metric = subtable.metric()
        bounds = [
            bound_of_examples(a.reported, b.reported, metric)
            for a, b in combinations(Arm.of_optimizers(subtable), 2)
            if Difference.between(a, b, metric).examples is None
        ]
        if bounds:
            yield Finding(
                "samples",
                "note",
                problem,
                "The intervals of comparisons cover seeds only, since the outcomes of the runs on "
                f"each test example are not stored{_at_most(np.array(bounds), metric)}. Other "
                "examples of the same data would give other differences.",
            )


def _at_most(bounds: np.ndarray[tuple[int], np.dtype[np.float64]], metric: str) -> str:
    if np.isnan(bounds).all():
        return ""
    largest = format_fixed(scale(metric) * float(np.nanmax(bounds)), 1)
    return f": the test examples alone give intervals of at most ±{largest}{unit(metric)}"
