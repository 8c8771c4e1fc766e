"""Check: is the best lr or wd on the edge of its grid? Then a better one may be beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

import pandas as pd

from adamcmp.analysis.audit.finding import ON_EDGES, Finding, extend_command
from adamcmp.analysis.decay_axes import PRODUCT, axis_values, grid_axes
from adamcmp.analysis.grids import value_beyond
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import MOST_NAMES, display_name, join_names


@dataclass(frozen=True)
class Edge:
    """An optimizer whose selected setting is on the edge of its grid.

    Attributes:
        problem: The dataset and model.
        optimizer: The optimizer's label.
        axis: ``lr`` or ``wd``; ``lr_wd``, the product, of a grid over it.
        best: The value of the selected setting, the smallest or largest of the grid.
        beyond: The next value in the grid's spacing.
        keeps_lr_wd: Whether the grid is over lr and the product, so that settings beyond an edge of
            lr have the same products.
    """

    problem: str
    optimizer: str
    axis: str
    best: float
    beyond: float
    keeps_lr_wd: bool = False


def edges(table: RunTable) -> list[Edge]:
    """Return the edges on which the selected settings lie.

    A single value has no edge, and a weight decay of 0 has nothing below it. If settings with other
    values equal the best one, nothing improves towards the edge. Settings that pair each lr with
    one wd are not a grid, nor are those of a search. If the table does not say which values were
    searched, values without a regular spacing are taken for searched ones.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> edges(table)
    []
    >>> for edge in edges(table.where(table.runs["lr"] < 0.01)):
    ...     print(edge.optimizer, edge.axis, edge.best, edge.beyond)
    adam_l2 lr 0.001 0.01
    adamw lr 0.001 0.01

    Raises:
        ConfigError: If there is no validation split to select on.
    """
    table = table.without_failed
    runs, ranked, result = table.runs, table.ranked(), []
    for (problem, optimizer), best in ranked[ranked["best"]].groupby(GROUP, sort=False):
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        if is_paired(tried):
            continue
        axes = grid_axes(tried)
        for axis in axes:
            searched = table.was_searched(tried, axis)
            if searched:
                continue
            value, *equally_good = axis_values(best, axis).unique()
            beyond = value_beyond(
                sorted(set(axis_values(tried, axis))),
                value,
                zero_allowed=axis != "lr",
                is_grid=searched is False,
            )
            if beyond is not None and not equally_good:
                edge = Edge(str(problem), str(optimizer), axis, float(value), beyond)
                result.append(replace(edge, keeps_lr_wd=PRODUCT in axes))
    return result


def is_paired(runs: pd.DataFrame) -> bool:
    """Return whether the runs of an optimizer pair each lr with one wd, instead of all."""
    counts = [axis_values(runs, axis).nunique() for axis in grid_axes(runs)]
    # There are no more pairs than values.
    return min(counts) > 1 and len(runs[["lr", "wd"]].drop_duplicates()) == max(counts)


def check(table: RunTable) -> Iterator[Finding]:
    """Yield the optimizers whose selected setting is on the edge of its grid, per problem."""
    named: dict[tuple[str, str | None], list[str]] = {}
    by_optimizer = groupby(edges(table), key=lambda edge: (edge.problem, edge.optimizer))
    for (problem, optimizer), on_edges in by_optimizer:
        values = " and ".join(f"{edge.axis} {edge.best:g}" for edge in on_edges)
        runs = table.of_problem(problem).runs
        key = (problem, extend_command(runs[runs["optimizer"] == optimizer]))
        named.setdefault(key, []).append(f"{display_name(optimizer)} ({values})")
    for (problem, command), names in named.items():
        text = (
            f"The best settings of {join_names(names, MOST_NAMES)} are on the edges of their "
            f"grids; better ones may be beyond them."
            if len(names) > 1
            else f"The best setting of {names[0]} is on the edge of its grid; a better one may be "
            f"beyond it."
        )
        yield Finding("edge", "warning", problem, text, command, ON_EDGES)
