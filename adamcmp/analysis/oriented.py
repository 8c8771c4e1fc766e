"""A comparison with the better or leading optimizer first, and its numbers as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from adamcmp.analysis.metrics import higher_is_better
from adamcmp.analysis.wording import decimals, format_fixed, scale, unit


def orient(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comparison with the better or leading optimizer as ``a``.

    Args:
        row: One row of `adamcmp.analysis.comparisons`.

    Returns:
        The row, with its arms exchanged if ``b`` is better or leads, and the lead and its interval,
        positive where ``a`` is ahead: ``lead``, ``low``, ``high``. The bounds are NaN for one seed.
    """
    higher = higher_is_better(row["metric"])
    a_leads = row["better"] == "a" if row["better"] else (row["estimate"] <= 0) != higher
    oriented = dict(row)
    if not a_leads:
        for key in ("", "settings_", "seeds_", "diverged_", "n_"):
            oriented[f"{key}a"], oriented[f"{key}b"] = row[f"{key}b"], row[f"{key}a"]
    bounds = sorted((row["ci_low"], row["ci_high"])) if row["n"] > 1 else (math.nan, math.nan)
    sign = 1 if a_leads == higher else -1
    low, high = sorted(sign * bound for bound in bounds)
    oriented |= {"lead": sign * row["estimate"], "low": low, "high": high}
    oriented["train_sign"] = 1 if a_leads else -1
    return oriented


def format_number(value: float, oriented: Mapping[str, Any]) -> str:
    """Return a number in its metric's unit, with the digits that the interval justifies.

    Args:
        value: The number, as a fraction where the metric is one.
        oriented: The result of `orient`, whose lead and interval are meant.
    """
    size = scale(oriented["metric"])
    if math.isnan(oriented["low"]):
        return f"{size * value:.3g}"
    return format_fixed(size * value, decimals(size * oriented["low"], size * oriented["high"]))


def with_unit(value: float, oriented: Mapping[str, Any]) -> str:
    """Return a number as `format_number` does, with its unit.

    Args:
        value: The number, as a fraction where the metric is one.
        oriented: The result of `orient`.
    """
    number, name = format_number(value, oriented), unit(oriented["metric"])
    return number + (name.removesuffix("s") if number == "1" else name)


def margin_text(row: Mapping[str, Any]) -> str:
    """Return the margin of a comparison with its unit."""
    number, name = f"{scale(row['metric']) * row['margin']:g}", unit(row["metric"])
    return number + (name.removesuffix("s") if number == "1" else name)


def covers_examples(row: Mapping[str, Any]) -> bool:
    """Return whether the interval of a comparison covers the test examples."""
    return str(row["covers"]).endswith("examples")
