"""Which optimizers plots draw in gray, since a plot has fewer colors than there are optimizers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import pandas as pd

from adamcmp.analysis import RunTable
from adamcmp.analysis.setting_matrix import selectable

#: Tables of at most this many optimizers have all of them in color.
MOST_COLORED = 10
#: In larger tables, this many of the best optimizers are in color, and the baseline.
_BEST = 6
MUTED_COLOR = "#c4c4c4"

_MUTED: ContextVar[frozenset[str]] = ContextVar("muted", default=frozenset())


def muted_optimizers(table: RunTable) -> frozenset[str]:
    """Return the optimizers of a table that plots draw in gray; none of up to `MOST_COLORED`.

    The others are the baseline of the table's question, and those with the best selected settings
    on validation (of several problems, by their mean rank). Without validation, they are the first
    ones in display order.
    """
    names = table.optimizers
    if len(names) <= MOST_COLORED:
        return frozenset()
    baseline = table.question.baseline_in(names)
    best = [name for name in _best_first(table) if name != baseline][:_BEST]
    return frozenset(names) - {baseline, *best}


def _best_first(table: RunTable) -> list[str]:
    ranks = []
    for problem, subtable in selectable(table).by_problem():
        runs = subtable.selected()
        scores = runs.groupby("optimizer")[f"val_{table.measure(problem)}"].mean()
        ranks.append(scores.astype(float).rank())
    if not ranks:
        return list(table.optimizers)
    means = pd.concat(ranks, axis="columns").mean(axis="columns")
    others = [name for name in table.optimizers if name not in means]
    return [*means.sort_values(kind="stable").index, *others]


@contextlib.contextmanager
def muting(optimizers: frozenset[str]) -> Iterator[None]:
    """Draw some optimizers in gray within the context."""
    token = _MUTED.set(optimizers)
    try:
        yield
    finally:
        _MUTED.reset(token)


def is_muted(name: str) -> bool:
    """Return whether an optimizer is drawn in gray, also with something appended to its name.

    >>> with muting(frozenset({"sgd"})):
    ...     is_muted("sgd"), is_muted("sgd, cosine"), is_muted("sgdw")
    (True, True, False)
    """
    return bool({name, name.partition(", ")[0]} & _MUTED.get())


def layer(name: str) -> float:
    """Return the layer on which the lines of an optimizer are drawn, below the others if muted."""
    return 1.5 if is_muted(name) else 2.0
