"""Format values for the cells of a table."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd

from adamcmp.analysis.wording import decimals, format_fixed

MISSING = "–"


def value_text(value: Any) -> str:
    """Return a value with three significant digits.

    >>> value_text(0.12345), value_text([0.9, 0.999]), value_text(float("nan"))
    ('0.123', '0.9, 0.999', '–')
    """
    if isinstance(value, str):
        return value
    if hasattr(value, "__iter__"):
        return ", ".join(map(value_text, value))
    if pd.isna(value):
        return MISSING
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    return _number(value, ".3g") if isinstance(value, float) else str(value)


def p_value_text(value: float) -> str:
    """Return a p-value with two significant digits.

    >>> p_value_text(0.0123), p_value_text(1e-9)
    ('0.012', '< 0.001')
    """
    return "< 0.001" if value < 0.001 else value_text(float(f"{value:.2g}"))


def with_intervals(
    estimates: Iterable[float], lows: Iterable[float], highs: Iterable[float]
) -> list[str]:
    """Return a column of estimates with their intervals, with one number of decimals.

    The narrowest interval decides (see `_of_column`); without any, three digits of the estimates.

    >>> with_intervals([0.1234567, 0.2], [0.1, math.nan], [0.15, math.nan])
    ['0.123 [0.100, 0.150]', '0.200']
    """
    rows = list(zip(estimates, lows, highs, strict=True))
    needed = [decimals(low, high) for _, low, high in rows if 0 < high - low < math.inf]
    sizes = [abs(estimate) for estimate, _, _ in rows if estimate and math.isfinite(estimate)]
    places = _of_column(needed or [_two_digits(size / 10) for size in sizes])
    return [_with_interval(places, *row) for row in rows]


def _with_interval(places: int, estimate: float, low: float, high: float) -> str:
    if pd.isna(estimate):
        return MISSING
    if pd.isna(low) or pd.isna(high):
        return format_fixed(estimate, places)
    texts = [format_fixed(value, places) for value in (estimate, low, high)]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def with_deviations(means: Iterable[float], sds: Iterable[float]) -> list[str]:
    """Return a column of means with their standard deviations, with one number of decimals.

    These show two digits of the smallest deviation; see `_of_column`.

    >>> with_deviations([0.1234567, 0.2], [0.012, 0.3])
    ['0.123 ± 0.012', '0.200 ± 0.300']
    """
    rows = list(zip(means, sds, strict=True))
    form = f".{_of_column([min(_two_digits(sd), 4) for _, sd in rows if sd > 0])}f"
    return [_with_deviation(form, *row) for row in rows]


def _with_deviation(form: str, mean: float, sd: float) -> str:
    if pd.isna(mean):
        return MISSING
    return _number(mean, form) if pd.isna(sd) else f"{_number(mean, form)} ± {sd:{form}}"


def _of_column(needed: Collection[int]) -> int:
    """Return the decimals of a column from those that its rows need; 3 if there are none.

    No row gets more than two that it does not need, so that a single narrow interval does not fill
    a column with digits.
    """
    return min(max(needed), min(needed) + 2) if needed else 3


def _number(value: float, form: str) -> str:
    """Format a number with a typographic minus, and zero without a sign."""
    text = format(value, f"z{form}")
    return "−" + text[1:] if text.startswith("-") else text


def _two_digits(width: float) -> int:
    """Return the number of decimals that shows two digits of a width."""
    return min(max(1 - math.floor(math.log10(width)), 0), 8)
