"""Best settings on the edge of their grid, and what lies beyond."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from adamcmp.stats.choice import PROBLEM, chosen, labelled


@dataclass(frozen=True)
class Edge:
    """An optimizer whose best setting lies on the edge of its grid.

    Attributes:
        problem: The dataset and model.
        optimizer: The variant's label.
        axis: ``lr`` or ``wd``.
        best: Its value at the best setting, the smallest or largest of the grid.
        beyond: The next value, in the grid's own spacing.
    """

    problem: str
    optimizer: str
    axis: str
    best: float
    beyond: float


def edges(runs: pd.DataFrame) -> list[Edge]:
    """Return the edges on which optimizers' best settings lie.

    An axis of one value has no edge; nothing lies below a weight decay of 0; and what pairs each
    learning rate with a weight decay of its own, as a search does, is no grid.

    Raises:
        ConfigError: When there is no validation split to choose on.
    """
    runs = labelled(runs[runs["status"] != "failed"])
    found = []
    for (problem, optimizer), best in chosen(runs).groupby([*PROBLEM, "optimizer"], sort=False):
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        counts = tried[["lr", "wd"]].nunique()
        if counts.min() > 1 and len(tried[["lr", "wd"]].drop_duplicates()) == counts.max():
            continue
        for axis in ("lr", "wd"):
            values = sorted(set(tried[axis]))
            value = best[axis].iloc[0]
            beyond = _beyond(values, value)
            if beyond is not None:
                found.append(Edge(str(problem), str(optimizer), axis, value, beyond))
    return found


def _beyond(values: Sequence[float], value: float) -> float | None:
    """Return the value next to `value` outside a grid's axis; None where it is not on an edge."""
    positive = [v for v in values if v > 0]
    if len(positive) < 2 or value <= 0:
        return None
    if value == positive[-1]:
        return _next(positive)
    if value == values[0]:  # where 0 was tried, it lies beyond
        return _next(positive[::-1])
    return None


def _next(values: Sequence[float]) -> float:
    """Continue a row of positive values: even steps evenly, anything else by its ratios.

    Ratios that alternate, as in 1, 3, 10, 30, go on alternating.
    """
    steps = [b - a for a, b in pairwise(values)]
    ratios = [b / a for a, b in pairwise(values)]
    even = len(steps) > 1 and all(math.isclose(s, steps[0], rel_tol=1e-6) for s in steps)
    if even and values[-1] + steps[0] > 1e-6 * values[-1]:  # not 0
        return float(f"{values[-1] + steps[0]:.6g}")
    alternate = (
        not even and len(ratios) > 1 and not math.isclose(ratios[-1], ratios[-2], rel_tol=0.02)
    )
    return float(f"{values[-1] * ratios[-2 if alternate else -1]:.6g}")
