"""The spacing of a grid's values, and the value next to its edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise

#: Maximum ratio of the largest to the smallest step of a grid, in logarithms.
UNEVEN = 4.0
#: The spacing of more values than these is seldom similar by chance, so they are taken for a grid.
FEW = 4
#: Leading digits of the values in grids that are typed by hand.
_TYPED = ((1, 3), (1, 2, 5))
#: Larger than the exponent of any float. Powers with larger exponents would only take time.
_MAX_EXPONENT = 1100

#: Returns the value at a position, from the values at the positions 0 and 1.
_Spacing = Callable[[float, float, Fraction], float]


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
    """Continue a sequence of values with the same spacing: even, 1-2-5, 1-3-10, or by ratios.

    The result is bit-identical to the value in the wider grid of ``linspace``, ``range``,
    ``logspace`` or ``powers``, or to the typed value. So a sweep of the wider grid has these runs.
    Ratios that alternate, as in 1, 4, 10, 40, continue to alternate.

    >>> next_value([0.1, 0.3, 1.0, 3.0]), next_value([1, 2, 5]), next_value([0.1, 0.2, 0.3])
    (10.0, 10.0, 0.4)
    """
    values = [float(value) for value in values]
    if _is_even(values):
        return _next_even(values, zero_allowed)
    exact = _next_power_of_two(values) or _next_typed(values) or _next_power(values)
    if exact is not None:
        return exact
    ratios = [b / a for a, b in pairwise(values)]
    # Two values of `logspace` are each rounded to 6 digits.
    if all(math.isclose(ratio, ratios[0], rel_tol=2e-5) for ratio in ratios):
        return _continued(values, _logspaced, digits=6)
    alternates = not math.isclose(ratios[-1], ratios[-2], rel_tol=0.02)
    return float(f"{values[-1] * ratios[-2 if alternates else -1]:.6g}")


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


def _next_even(values: Sequence[float], zero_allowed: bool) -> float:
    """Continue evenly spaced values; halve the last one if the next one would be below 0."""
    following = _continued(values, _linspaced, digits=12)
    if abs(following) < 1e-6 * values[-1] and zero_allowed:
        return 0.0
    return following if following > 1e-6 * values[-1] else float(f"{values[-1] / 2:.12g}")


def _next_power_of_two(values: Sequence[float]) -> float | None:
    """Continue values that double or halve, such as 0.3, 0.6; None for others."""
    ratios = {b / a for a, b in pairwise(values)}
    return values[-1] * ratios.pop() if ratios in ({2.0}, {0.5}) else None


def _next_typed(values: Sequence[float]) -> float | None:
    """Return the next of 1, 3, 10, 30, … or 1, 2, 5, 10, …; None for other values."""
    for mantissas in _TYPED:
        scientific = [f"{value:.6e}".partition("e") for value in values]
        places = [
            len(mantissas) * int(exponent) + mantissas.index(float(mantissa))
            for mantissa, _, exponent in scientific
            if float(mantissa) in mantissas
        ]
        steps = {b - a for a, b in pairwise(places)}
        if len(places) == len(values) and steps in ({1}, {-1}):
            exponent, place = divmod(places[-1] + steps.pop(), len(mantissas))
            return float(f"{mantissas[place]}e{exponent}")
    return None


def _next_power(values: Sequence[float]) -> float | None:
    """Return the next power of a base with at most 6 digits; None for values that are no powers."""
    larger, smaller = sorted(values[-2:], reverse=True)
    for ratio in (larger / smaller, smaller / larger):
        base = Fraction(f"{ratio:.6g}")
        if base == 1:
            continue
        exponents = [round(math.log(value) / math.log(base)) for value in values]
        if max(map(abs, exponents)) > _MAX_EXPONENT:
            continue
        steps = {b - a for a, b in pairwise(exponents)}
        if [float(base**exponent) for exponent in exponents] == values and len(steps) == 1:
            return float(base ** (exponents[-1] + steps.pop()))
    return None


def _continued(values: Sequence[float], spacing: _Spacing, digits: int) -> float:
    """Return the value after the last one of a spacing.

    Values between the ends of a grid are rounded, so two of them may not determine the next one.
    The spacing is that of the two with the fewest digits, which were probably typed.

    Args:
        values: The values.
        spacing: The spacing.
        digits: The number of digits to which values are rounded.
    """

    def rounded(value: float) -> float:
        return float(f"{value:.{digits}g}")

    def value_at(i: int, ends: tuple[int, int]) -> float:
        start, stop = ends
        return rounded(spacing(values[start], values[stop], Fraction(i - start, stop - start)))

    digit_counts = [len(Decimal(repr(value)).normalize().as_tuple().digits) for value in values]
    pairs = combinations(range(len(values)), 2)
    by_digits = sorted(
        pairs, key=lambda ends: (digit_counts[ends[0]] + digit_counts[ends[1]], -ends[1])
    )
    fitting = (
        ends
        for ends in by_digits
        if all(value_at(i, ends) == rounded(value) for i, value in enumerate(values))
    )
    return value_at(len(values), next(fitting, (0, len(values) - 1)))


def _linspaced(start: float, stop: float, position: Fraction) -> float:
    first, last = Fraction(repr(start)), Fraction(repr(stop))
    return float(first + position * (last - first))


def _logspaced(start: float, stop: float, position: Fraction) -> float:
    first, last = math.log10(start), math.log10(stop)
    return float(10 ** (first + position * (last - first)))
