"""Plain tables that fit the terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from adamcmp.cli._terminal import elided, width

#: Significant digits of measured values.
_DIGITS = 4
#: Length of the lines of a cell in a table that is wider than the terminal.
_CELL_WIDTHS = (24, 16)


def print_table(rows: Iterable[Mapping[str, Any]], measured: Collection[str] = ()) -> None:
    """Print rows under the names of their columns.

    Args:
        rows: The cells of each row, by column.
        measured: Columns of numbers that are printed with equally many decimals, so that they can
            be compared at a glance. In other columns, each number has the digits that it needs.
    """
    rows = list(rows)
    decimals = {c: _decimals([row[c] for row in rows if row.get(c) is not None]) for c in measured}
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {
        name: [_cell(row[name], decimals.get(name)) if name in row else "" for row in rows]
        for name in names
    }
    print(fitted_table(columns, right=decimals))


def _cell(value: Any, decimals: int | None) -> str:
    if decimals is None or value is None:
        return format_value(value)
    return f"{value:.{decimals}f}"


def fitted_table(columns: Mapping[str, Sequence[str]], right: Collection[str] = ()) -> str:
    """Return a table that fits the terminal.

    In a table that is too wide, long cells are wrapped and long names elided, except those of the
    first column, which users copy. If it still is, its columns are continued below; each part
    begins with the first column.

    Args:
        columns: The cells of each column, by its heading.
        right: The columns that are aligned at the right.
    """
    candidates = [columns, *(_narrowed(columns, length) for length in _CELL_WIDTHS)]
    fitting = next((candidate for candidate in candidates if _fits(candidate)), None)
    parts = [fitting] if fitting else _parts(candidates[1])
    return "\n\n".join(_table(part, right) for part in parts)


def _narrowed(columns: Mapping[str, Sequence[str]], length: int) -> dict[str, Sequence[str]]:
    """Return the columns, except the first, with cells of lines of at most `length` characters."""
    first, *others = columns
    folded = {name: [_folded(cell, length) for cell in columns[name]] for name in others}
    return {first: columns[first], **folded}


def _parts(columns: Mapping[str, Sequence[str]]) -> list[dict[str, Sequence[str]]]:
    """Return the columns of several tables that fit the terminal; each has the first column."""
    (first, ids), *others = columns.items()
    parts = [{first: ids}]
    for name, cells in others:
        wider = {**parts[-1], name: cells}
        if len(parts[-1]) == 1 or _fits(wider):
            parts[-1] = wider
        else:
            parts.append({first: ids, name: cells})
    return parts


def _table(columns: Mapping[str, Sequence[str]], right: Collection[str]) -> str:
    from tabulate import tabulate

    alignment = ["right" if name in right else "left" for name in columns]
    # As rows, since tabulate makes columns wider than their headings. It would also format a run id
    # such as 12345e67 as a number.
    rules = ["-" * length for length in _widths(columns)]
    rows = [list(columns), rules, *zip(*columns.values(), strict=True)]
    return tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=alignment)


def _fits(columns: Mapping[str, Sequence[str]]) -> bool:
    between = 2 * (len(columns) - 1)
    return sum(_widths(columns)) + between <= width()


def _widths(columns: Mapping[str, Sequence[str]]) -> list[int]:
    lines = ("\n".join([name, *cells]).split("\n") for name, cells in columns.items())
    return [max(map(len, column)) for column in lines]


def _folded(cell: str, length: int) -> str:
    words = (elided(word, length) for word in cell.split(" "))
    return "\n".join(textwrap.wrap(" ".join(words), length, break_on_hyphens=False))


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
