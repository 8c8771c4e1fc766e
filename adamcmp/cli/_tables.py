"""Print plain tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from statistics import median
from typing import Any

#: Significant digits of measured values.
_DIGITS = 4


def print_table(rows: Iterable[Mapping[str, Any]], measured: Collection[str] = ()) -> None:
    """Print rows under the names of their columns.

    Args:
        rows: The cells of each row, by column.
        measured: Columns of numbers that are printed with equally many decimals, so that they can
            be compared at a glance. In other columns, each number has the digits that it needs.
    """
    from tabulate import tabulate

    rows = list(rows)
    decimals = {c: _decimals([row[c] for row in rows if row.get(c) is not None]) for c in measured}
    shown = [
        {
            column: f"{value:.{decimals[column]}f}"
            if column in decimals and value is not None
            else format_value(value)
            for column, value in row.items()
        }
        for row in rows
    ]
    alignment = ["right" if column in decimals else "left" for column in (rows[0] if rows else ())]
    # tabulate would format a run id such as 12345e67 as a number.
    print(tabulate(shown, headers="keys", disable_numparse=True, colalign=alignment))


def _decimals(values: Collection[float]) -> int:
    """Return the decimals that show `_DIGITS` significant digits of a typical value."""
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    typical = median(sizes) if sizes else 1.0
    return min(max(_DIGITS - 1 - math.floor(math.log10(typical)), 0), 8)


def format_value(value: Any) -> str:
    """Return a value as text: ``-`` for None, numbers with four significant digits."""
    return (
        "-" if value is None else f"{value:.{_DIGITS}g}" if isinstance(value, float) else str(value)
    )
