"""The spacing of a grid's values, and the value next to its edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

#: Maximum ratio of the largest to the smallest step of a grid, in logarithms.
UNEVEN = 4.0
#: Number of values whose spacing is seldom similar by chance. More are always taken for a grid.
FEW = 4


def value_beyond(
    values: Sequence[float], value: float, zero_allowed: bool = False, is_grid: bool = False
) -> float | None:
    """Return the next value beyond the edge of a grid; None if `value` is not on the edge.

    >>> value_beyond([0.01, 0.1, 1.0], 1.0)
    10.0
    >>> value_beyond([0.01, 0.1, 1.0], 0.1) is None
    True

    Args:
        values: The values along one dimension of the grid, ascending.
        value: One of `values`.
        zero_allowed: Whether the setting may be 0.
        is_grid: Whether the values are known to be a grid. Otherwise their spacing must look so.
    """
    positive = [v for v in values if v > 0]
    if len(positive) < 2 or value <= 0 or not (is_grid or _looks_like_grid(positive)):
        return None
    if value == positive[-1]:
        # 0, 0.1, 0.2 is evenly spaced; in 0, 1e-4, 1e-3 the 0 is not part of the spacing.
        return next_value(values if _is_even(values) else positive)
    if value == values[0]:  # if 0 was tried, the smallest positive value is not an edge
        return next_value(positive[::-1], zero_allowed)
    return None


def next_value(values: Sequence[float], zero_allowed: bool = False) -> float:
    """Continue a sequence of values with the same spacing: even, 1-2-5, or by ratios.

    Ratios that alternate, as in 1, 3, 10, 30, continue to alternate.

    >>> next_value([0.1, 0.3, 1.0, 3.0]), next_value([1, 2, 5]), next_value([0.1, 0.2, 0.3])
    (10.0, 10.0, 0.4)
    """
    if _is_even(values):
        following = values[-1] + (values[1] - values[0])
        if following > 1e-6 * values[-1] or (zero_allowed and following > -1e-6 * values[-1]):
            return 0.0 if following < 1e-6 * values[-1] else _rounded(following)
        return _rounded(values[-1] / 2)  # an even step would lead to 0 or below
    ratios = [b / a for a, b in pairwise(values)]
    # Powers of 2 are exact; values that were typed with a few digits continue with as few.
    exact = all(math.isclose(ratio, ratios[0], rel_tol=1e-12) for ratio in ratios)
    # 0.5, 1, 2 could be 1-2-5 or powers of 2: it is treated as powers.
    if not exact and (following_125 := _next_of_one_two_five(values)) is not None:
        return following_125
    alternates = len(ratios) > 1 and not math.isclose(ratios[-1], ratios[-2], rel_tol=0.02)
    following = values[-1] * ratios[-2 if alternates else -1]
    return _rounded(following) if exact else float(f"{following:.6g}")


def _looks_like_grid(values: Sequence[float]) -> bool:
    """Return whether values are spaced evenly, or by similar ratios (see `UNEVEN`).

    The spacing of a few random values of a search can be similar by chance. Values of a grid have
    few digits or equal ratios.
    """
    if _is_even(values):
        return True
    ratios = [b / a for a, b in pairwise(values)]
    equal = all(math.isclose(ratio, ratios[0], rel_tol=1e-4) for ratio in ratios)
    if len(ratios) == 1:  # as in 2^-12, 2^-11
        equal = math.isclose(ratios[0], round(ratios[0]), rel_tol=1e-9)
    few_digits = all(float(f"{value:.3g}") == value for value in values)
    logs = [math.log(ratio) for ratio in ratios]
    return (equal or few_digits or len(values) > FEW) and max(logs) <= UNEVEN * min(logs)


def _is_even(values: Sequence[float]) -> bool:
    steps = [b - a for a, b in pairwise(values)]
    return len(steps) > 1 and all(math.isclose(s, steps[0], rel_tol=1e-6) for s in steps)


def _next_of_one_two_five(values: Sequence[float]) -> float | None:
    """Return the next of 1, 2, 5, 10, 20, …; None if the values are not such a sequence."""
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
    """Return a number without the rounding error of its computation."""
    short = float(f"{value:.6g}")
    return short if math.isclose(short, value, rel_tol=1e-9) else value
