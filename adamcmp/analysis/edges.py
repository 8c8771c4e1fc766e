"""Best settings on the edge of their grid, and what lies beyond."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
from pandas.api.types import is_bool_dtype, is_integer_dtype, is_numeric_dtype

from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import PROBLEM, chosen, setting_columns

#: A grid's largest step is at most so many times its smallest, in logarithms.
UNLIKE = 4.0
#: Settings that are not tuned: how long to train, how often to look, when to give up.
_NOT_TUNED = ("epochs", "steps", "divergence", "eval")
#: Fractions, behind whose 1 nothing lies.
_FRACTIONS = (
    *("beta1", "beta2", "momentum", "dampening", "base_momentum", "max_momentum", "dropout"),
    *("label_smoothing", "warmup", "pct_start", "end", "gamma", "decay"),
)


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


@accepts_table
def edges(runs: pd.DataFrame) -> list[Edge]:
    """Return the edges on which optimizers' best settings lie.

    An axis of one value has no edge; nothing lies below a weight decay of 0; and what pairs each
    learning rate with a weight decay of its own, or has no spacing, as a search, is no grid.

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


@dataclass(frozen=True)
class End:
    """An optimizer whose best setting has the least or the most of what was tried.

    Attributes:
        problem: The dataset and model.
        optimizer: The variant's label.
        setting: Its name, without the group's: ``momentum``, ``beta2``, ``batch_size``.
        best: Its value at the best setting.
    """

    problem: str
    optimizer: str
    setting: str
    best: float


@accepts_table
def ends(runs: pd.DataFrame) -> list[End]:
    """Return settings beside lr and wd of which the best of three or more is the first or last.

    A value behind which there is none is no such end: 0, and 1 for a fraction or a whole number.
    Neither is one of a search, where each setting has a value of its own. What changes the
    dataset or the model makes another problem.

    Args:
        runs: Rows of `labelled`.

    Raises:
        ConfigError: When there is no validation split to choose on.
    """
    runs = runs[runs["status"] != "failed"]
    columns = [c for c in setting_columns(runs) if c.partition(".")[0] not in _NOT_TUNED]
    best, found = chosen(runs), []
    for (problem, optimizer), own in best.groupby([*PROBLEM, "optimizer"], sort=False):
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        varied = tried[columns].map(str)
        settings = len(varied.drop_duplicates())
        several = (varied.nunique() > 1).sum() > 1
        at_best = dict(_numbers(own[columns]))
        for setting, values in _numbers(tried[columns]):
            if values.nunique() < 3 or (several and values.nunique() == settings):
                continue
            value = float(at_best[setting].astype(float).iloc[0])  # NaN where it has no such one
            if value in (values.min(), values.max()) and not _natural(setting, values, value):
                found.append(End(str(problem), str(optimizer), setting, value))
    return found


def _numbers(settings: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """Yield the settings that are numbers, but for lr and wd, by name; betas one by one."""
    for column in settings.columns.difference(["lr", "wd"], sort=False):
        values = settings[column]
        if column == "optimizer.betas":
            yield from (("beta1", _component(values, 0)), ("beta2", _component(values, 1)))
        elif is_numeric_dtype(values) and not is_bool_dtype(values):
            yield column.rpartition(".")[2], values


def _component(values: pd.Series, place: int) -> pd.Series:
    return values.map(lambda several: several[place], na_action="ignore").astype(float)


def _natural(setting: str, values: pd.Series, value: float) -> bool:
    """Return whether nothing lies beyond a value at the end of others."""
    ends_at_one = setting in _FRACTIONS or is_integer_dtype(values)
    return value == 0 or (value == 1 and ends_at_one)


def _beyond(values: Sequence[float], value: float, zero: bool = False) -> float | None:
    """Return the value next to `value` outside a grid's axis; None where it is not on an edge.

    Args:
        values: The axis, ascending.
        value: One of it.
        zero: Whether 0 is a value that the axis may take.
    """
    positive = [v for v in values if v > 0]
    if len(positive) < 2 or value <= 0 or not _spaced(positive):
        return None
    if value == positive[-1]:
        # 0, 0.1, 0.2 goes on evenly; of 0, 1e-4, 1e-3 the 0 is no part of the spacing.
        return _next(values if _even(values) else positive)
    if value == values[0]:  # where 0 was tried, it lies beyond
        return _next(positive[::-1], zero)
    return None


def _spaced(values: Sequence[float]) -> bool:
    """Return whether values lie as a grid's do: evenly, or by ratios that are somewhat alike."""
    logs = [math.log(b / a) for a, b in pairwise(values)]
    return _even(values) or max(logs) <= UNLIKE * min(logs)


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
