"""Format values for the cells of a table."""

from __future__ import annotations

import math
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


def with_interval(estimate: float, low: float, high: float) -> str:
    """Return an estimate with its interval, rounded as in the sentences on comparisons.

    >>> with_interval(0.1234567, 0.1, 0.15)
    '0.123 [0.100, 0.150]'
    """
    if pd.isna(estimate):
        return MISSING
    if pd.isna(low) or pd.isna(high):
        return _number(estimate, ".3g")
    if 0 < high - low < math.inf:
        places = decimals(low, high)
        texts = [format_fixed(value, places) for value in (estimate, low, high)]
    else:
        texts = [_number(value, ".3g") for value in (estimate, low, high)]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def with_deviation(mean: float, sd: float) -> str:
    """Return a mean with its standard deviation, rounded to two digits of the latter.

    >>> with_deviation(0.1234567, 0.012)
    '0.123 ± 0.012'
    """
    if pd.isna(mean):
        return MISSING
    form = f".{min(_decimals(sd), 4)}f" if sd > 0 else ".3f"
    return _number(mean, form) if pd.isna(sd) else f"{_number(mean, form)} ± {sd:{form}}"


def _number(value: float, form: str) -> str:
    """Format a number with a typographic minus, and zero without a sign."""
    text = format(value, f"z{form}")
    return "−" + text[1:] if text.startswith("-") else text


def _decimals(width: float) -> int:
    """Return the number of decimals that shows two digits of a width."""
    return min(max(1 - math.floor(math.log10(width)), 0), 8)
