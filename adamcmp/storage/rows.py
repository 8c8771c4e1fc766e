"""Select the rows of `runs` that count: if a run was trained several times, its last attempt.

A row belongs to a run and a variant of its weights. A run that is trained again, by ``--force`` or
``--retry-failed``, gets rows with a higher attempt number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, TypeVar

import pyarrow as pa

#: The variant of the last weights.
FINAL_WEIGHTS = ""

T = TypeVar("T")


class RowKey(NamedTuple):
    """What a row of `runs` describes.

    Attributes:
        run_id: The run.
        variant: The variant of its weights; empty for the last weights.
    """

    run_id: str
    variant: str


class RunRow(NamedTuple):
    """The columns of a row of `runs` that determine which runs exist.

    Attributes:
        attempt: 0 for the first training of the run, 1 for the second, and so on.
        status: The status with which the run ended.
    """

    attempt: int
    status: str


RowIndex = Mapping[RowKey, RunRow]


def of_final_weights(rows: Mapping[RowKey, T]) -> dict[str, T]:
    """Return what describes each run's final weights, by run id.

    >>> of_final_weights({RowKey("a", ""): "done", RowKey("a", "ema"): "diverged"})
    {'a': 'done'}
    """
    return {key.run_id: row for key, row in rows.items() if key.variant == FINAL_WEIGHTS}


def superseded(parts: Sequence[RowIndex]) -> list[set[RowKey]]:
    """Return the rows that no longer count.

    Only the rows of a run's highest attempt count. If two parts hold rows of the same attempt,
    because a process was killed while it compacted, the rows of the later part count.

    Args:
        parts: The rows of each part, in the order of the parts.

    Returns:
        For each part, the rows that do not count.
    """
    highest: dict[str, int] = {}
    for rows in parts:
        for key, row in rows.items():
            highest[key.run_id] = max(row.attempt, highest.get(key.run_id, 0))
    result: list[set[RowKey]] = []
    current: set[RowKey] = set()
    for rows in reversed(parts):
        kept = {
            key
            for key, row in rows.items()
            if row.attempt == highest[key.run_id] and key not in current
        }
        result.append(rows.keys() - kept)
        current |= kept
    return result[::-1]


def without_rows(table: pa.Table, keys: Collection[RowKey]) -> pa.Table:
    """Return a table that has the columns of `RowKey`, without the rows with these keys."""
    if not keys:
        return table
    pairs = zip(table["run_id"].to_pylist(), table["variant"].to_pylist(), strict=True)
    return table.filter(pa.array([pair not in keys for pair in pairs], pa.bool_()))
