"""Leave uninformative numbers out of the tables that are shown; files keep them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from adamcmp.analysis.wording import display_name
from adamcmp.reporting.cells import value_text
from adamcmp.reporting.tables import OPTIMIZERS, Table

_ESTIMATE = ["estimate", "ci_low", "ci_high"]
#: A reason names at most this number of rows.
_MOST_ROWS = 6


def without_uninformative(table: Table, uninformative: pd.Series[bool]) -> Table:
    """Return a table that does not show uninformative numbers, and gives the reasons.

    Args:
        table: A table with data.
        uninformative: Which rows are; see `adamcmp.analysis.Measure.is_uninformative`.

    Returns:
        The table with ``shown`` and ``omitted``; if all estimates are
        uninformative, also with a ``missing_reason``.
    """
    data = table.data
    assert data is not None
    infinite = {name: values for name, values in _infinite_columns(data) if name in table.headings}
    if not uninformative.any() and not infinite:
        return table
    shown, reasons = data.copy(), []
    if uninformative.any():
        shown.loc[uninformative, _ESTIMATE] = np.nan
        rows = [_row_name(table, row) for _, row in data[uninformative].iterrows()]
        more = f" and {len(rows) - _MOST_ROWS} more" if len(rows) > _MOST_ROWS else ""
        reasons.append(
            f"the interval covers nearly all possible values: {'; '.join(rows[:_MOST_ROWS])}{more}"
        )
    for name, where in infinite.items():
        shown[name] = shown[name].mask(where)
        reasons.append(f"{table.headings[name]} is infinite in {where.sum()} of {len(data)} rows")
    reason = "" if shown["estimate"].notna().any() else f"Not determined, since {reasons[0]}."
    omitted = f"Not shown: {'; '.join(reasons)}. The csv file has all numbers."
    return replace(table, shown=shown, omitted=omitted, missing_reason=reason)


def _infinite_columns(data: pd.DataFrame) -> Iterator[tuple[str, pd.Series[bool]]]:
    """Yield the columns other than estimates that have infinite values, and where."""
    numbers = data.drop(columns=_ESTIMATE, errors="ignore").select_dtypes("number")
    for name in numbers:
        where = numbers[name].astype(float).abs() == np.inf
        if where.any():
            yield str(name), where


def _row_name(table: Table, row: pd.Series) -> str:
    """Return the texts that identify a row, such as ``"AdamW (wd, basin 0.05)"``."""
    keys = [name for name in table.headings if name in row.index and name not in ("estimate", "n")]
    if table.data is not None and table.data["problem"].nunique() == 1:
        keys.remove("problem")
    texts = []
    for key in keys:
        if key in OPTIMIZERS:
            texts.append(display_name(row[key]))
        elif isinstance(row[key], str):
            texts.append(row[key])
        elif key == table.pivot:
            texts.append(f"{table.headings[key]} {value_text(row[key])}")
    first, *rest = texts
    return f"{first} ({', '.join(rest)})" if rest else first
