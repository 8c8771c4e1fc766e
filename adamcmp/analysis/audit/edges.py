"""Check: is the best lr or wd on the edge of its grid? Then a better one may be beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.grids import value_beyond
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name


@dataclass(frozen=True)
class Edge:
    """An optimizer whose selected setting is on the edge of its grid.

    Attributes:
        problem: The dataset and model.
        optimizer: The optimizer's label.
        axis: ``lr`` or ``wd``.
        best: The value of the selected setting, the smallest or largest of the grid.
        beyond: The next value in the grid's spacing.
    """

    problem: str
    optimizer: str
    axis: str
    best: float
    beyond: float


def edges(table: RunTable) -> list[Edge]:
    """Return the edges on which the selected settings lie.

    A single value has no edge, and a weight decay of 0 has nothing below it. Settings that pair
    each lr with one wd, or have no spacing, such as those of a search, are not a grid.

    >>> import pandas as pd
    >>> runs = pd.DataFrame({
    ...     "run_id": list("abcd"), "dataset": "mnist1d", "model": "mlp", "optimizer": "adamw",
    ...     "lr": [0.01, 0.01, 0.1, 0.1], "wd": 0.1, "seed": [0, 1, 0, 1], "status": "done",
    ...     "val_error": [0.30, 0.32, 0.20, 0.24], "test_error": [0.31, 0.33, 0.22, 0.24],
    ... })
    >>> edges(RunTable.from_frames(runs))
    [Edge(problem='mnist1d, mlp', optimizer='adamw', axis='lr', best=0.1, beyond=1.0)]

    Raises:
        ConfigError: If there is no validation split to select on.
    """
    table = table.without_failed
    runs, result = table.runs, []
    for (problem, optimizer), best in table.selected().groupby(GROUP, sort=False):
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        counts = tried[["lr", "wd"]].nunique()
        if counts.min() > 1 and len(tried[["lr", "wd"]].drop_duplicates()) == counts.max():
            continue
        for axis in ("lr", "wd"):
            value = best[axis].iloc[0]
            beyond = value_beyond(sorted(set(tried[axis])), value, zero_allowed=axis == "wd")
            if beyond is not None:
                result.append(Edge(str(problem), str(optimizer), axis, float(value), beyond))
    return result


def check(table: RunTable) -> Iterator[Finding]:
    """Yield optimizers whose selected setting is on the edge of its grid."""
    runs = table.runs
    by_optimizer = groupby(edges(table), key=lambda edge: (edge.problem, edge.optimizer))
    for (problem, optimizer), on_edges in by_optimizer:
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        studies = tried["study"].unique()
        imported = tried["torch_version"].isna().any()  # these cannot be extended
        values = " and ".join(f"{edge.axis} {edge.best:g}" for edge in on_edges)
        yield Finding(
            "edge",
            "warning",
            problem,
            f"The best setting of {display_name(optimizer)} is on the edge of its grid ({values}); "
            f"a better one may be beyond it.",
            f"adamcmp extend {studies[0]}" if len(studies) == 1 and not imported else None,
        )
