"""Print plain tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def print_table(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows under the names of their columns."""
    from tabulate import tabulate

    shown = [{column: format_value(value) for column, value in row.items()} for row in rows]
    # tabulate would format a run id such as 12345e67 as a number.
    print(tabulate(shown, headers="keys", disable_numparse=True))


def format_value(value: Any) -> str:
    """Return a value as text: ``-`` for None, numbers with four significant digits."""
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
