"""Check: do the intervals of comparisons cover the test examples, or seeds only?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from adamcmp.analysis.arms import Arm
from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.difference import Difference
from adamcmp.analysis.outcomes import bound_of_examples, split_and_outcome
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import format_fixed, scale, unit


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems with comparisons whose intervals leave out test examples."""
    for problem, subtable in table.by_problem():
        metric = subtable.metric()
        pairs = list(combinations(Arm.of_optimizers(subtable), 2))
        bounds = [
            bound_of_examples(a.reported, b.reported, metric)
            for a, b in pairs
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
        elif pairs and (part := _stored_part(pairs[0][0], metric)):
            yield Finding(
                "samples",
                "note",
                problem,
                "What the test examples contribute to intervals is estimated from "
                f"{part[0]:,} of the {part[1]:,} test examples, which are evenly spaced. The "
                "outcomes of the others are not stored.",
            )


def _stored_part(arm: Arm, metric: str) -> tuple[int, int] | None:
    """Return how many examples have stored outcomes, and of how many; None if all have."""
    stored = split_and_outcome(metric)
    if stored is None:
        return None
    outcomes = arm.table.outcomes.of(arm.reported["run_id"].tolist()[:1], *stored)
    if outcomes is None or outcomes.values.shape[1] == outcomes.total:
        return None
    return outcomes.values.shape[1], outcomes.total


def _at_most(bounds: np.ndarray[tuple[int], np.dtype[np.float64]], metric: str) -> str:
    if np.isnan(bounds).all():
        return ""
    largest = format_fixed(scale(metric) * float(np.nanmax(bounds)), 1)
    return f": the test examples alone give intervals of at most ±{largest}{unit(metric)}"
