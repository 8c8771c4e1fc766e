"""Best settings on the edge of their grid, and what lies beyond."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from adamcmp.stats.choice import PROBLEM, chosen


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

    Args:
        runs: Rows of `labelled`.

    Raises:
        ConfigError: When there is no validation split to choose on.
    """
    runs = runs[runs["status"] != "failed"]
    found = []
    for (problem, optimizer), best in chosen(runs).groupby([*PROBLEM, "optimizer"], sort=False):
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        counts = tried[["lr", "wd"]].nunique()
        if counts.min() > 1 and len(tried[["lr", "wd"]].drop_duplicates()) == counts.max():
            continue
        for axis in ("lr", "wd"):
            values = sorted(set(tried[axis]))
            value = best[axis].iloc[0]
            beyond = _beyond(values, value, zero=axis == "wd")
            if beyond is not None:
                found.append(Edge(str(problem), str(optimizer), axis, value, beyond))
    return found


def _beyond(values: Sequence[float], value: float, zero: bool = False) -> float | None:
    """Return the value next to `value` outside a grid's axis; None where it is not on an edge.

    Args:
        values: The axis, ascending.
        value: One of it.
        zero: Whether 0 is a value that the axis may take.
    """
    positive = [v for v in values if v > 0]
    if len(positive) < 2 or value <= 0:
        return None
    if value == positive[-1]:
        # 0, 0.1, 0.2 goes on evenly; of 0, 1e-4, 1e-3 the 0 is no part of the spacing.
        return _next(values if _even(values) else positive)
    if value == values[0]:  # where 0 was tried, it lies beyond
        return _next(positive[::-1], zero)
    return None


def _next(values: Sequence[float], zero: bool = False) -> float:
    """Continue a row of values in its own spacing: even, of 1-2-5, or by ratios.

    Ratios that alternate, as in 1, 3, 10, 30, go on alternating.
    """
    if _even(values):
        following = values[-1] + (values[1] - values[0])
        if following > 1e-6 * values[-1] or (zero and following > -1e-6 * values[-1]):
            return 0.0 if following < 1e-6 * values[-1] else _rounded(following)
        return _rounded(values[-1] / 2)  # evenly it would be 0, or less
    ratios = [b / a for a, b in pairwise(values)]
    # Powers of 2 are exact; what was typed with some digits goes on with some.
    exact = all(math.isclose(ratio, ratios[0], rel_tol=1e-12) for ratio in ratios)
    # 0.5, 1, 2 could be either: then it is powers.
    if not exact and (series := _one_two_five(values)) is not None:
        return series
    alternate = len(ratios) > 1 and not math.isclose(ratios[-1], ratios[-2], rel_tol=0.02)
    following = values[-1] * ratios[-2 if alternate else -1]
    return _rounded(following) if exact else float(f"{following:.6g}")


def _even(values: Sequence[float]) -> bool:
    steps = [b - a for a, b in pairwise(values)]
    return len(steps) > 1 and all(math.isclose(s, steps[0], rel_tol=1e-6) for s in steps)


def _one_two_five(values: Sequence[float]) -> float | None:
    """Return the next of 1, 2, 5, 10, 20, …; None where values are no row of these."""
    places = [
        3 * exponent + (1.0, 2.0, 5.0).index(mantissa)
        for mantissa, exponent in map(_scientific, values)
        if mantissa in (1.0, 2.0, 5.0)
    ]
    steps = {b - a for a, b in pairwise(places)}
    if len(places) < len(values) or len(places) < 3 or steps not in ({1}, {-1}):
        return None
    exponent, place = divmod(places[-1] + steps.pop(), 3)
    return float(f"{(1, 2, 5)[place]}e{exponent}")


def _scientific(value: float) -> tuple[float, int]:
    mantissa, _, exponent = f"{value:.6e}".partition("e")
    return float(mantissa), int(exponent)


def _rounded(value: float) -> float:
    """Return a number without the dust of its computation."""
    short = float(f"{value:.6g}")
    return short if math.isclose(short, value, rel_tol=1e-9) else value
