"""Select the rows of `runs` that count: if a run was trained several times, its last attempt.

A row belongs to a run and a variant of its weights. A run that is trained again, by ``--force`` or
``--retry-failed``, gets rows with a higher attempt number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from adamcmp.storage.arrays import array_of

#: The variant of the last weights.
FINAL_WEIGHTS = ""


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
        error: The error message of a failed run, otherwise empty.
    """

    attempt: int
    status: str
    error: str = ""


#: The columns that determine which rows count, and how each run ended.
INDEX_COLUMNS = (*RowKey._fields, *RunRow._fields)


def superseded(parts: Mapping[str, pa.Table]) -> dict[str, set[str]]:
    """Return the runs of each part whose rows no longer count.

    Of each run, the rows of one part count: those of its highest attempt and, among equal attempts,
    of the last part. Attempts are numbered without a lock, so two processes that append the same
    run at the same moment give it the same number. A process that was killed while it compacted
    also leaves two parts with equal attempts, whose rows are equal.

    Args:
        parts: The columns ``run_id`` and ``attempt`` of the rows of `runs` in each part, by its
            name, in the order of the parts.

    Returns:
        The ids of these runs by the name of the part.
    """
    repeated = _in_several([rows["run_id"] for rows in parts.values()])
    # Nearly all runs are in one part only.
    few = {
        name: zip(rows["run_id"].to_pylist(), rows["attempt"].to_pylist(), strict=True)
        for name, rows in ((name, only_runs(rows, repeated)) for name, rows in parts.items())
    }
    attempts = {name: dict(rows) for name, rows in few.items()}
    latest: dict[str, tuple[int, int]] = {}
    for order, rows in enumerate(attempts.values()):
        for run_id, attempt in rows.items():
            latest[run_id] = max((attempt, order), latest.get(run_id, (0, 0)))
    return {
        name: {run_id for run_id, attempt in rows.items() if (attempt, order) != latest[run_id]}
        for order, (name, rows) in enumerate(attempts.items())
    }


def _in_several(columns: list[pa.ChunkedArray]) -> pa.Array:
    """Return the texts that several columns have."""
    if not columns:
        return array_of([], pa.string())
    distinct = pa.chunked_array([column.unique() for column in columns], pa.string())
    counts = distinct.value_counts()
    # A Python value as the operand would import pandas.
    once = array_of([1], pa.int64())[0]
    return counts.field("values").filter(pc.greater(counts.field("counts"), once))


def rows_of_final_weights(table: pa.Table) -> pa.Table:
    """Return the rows of a table that describe the runs' final weights.

    >>> table = pa.table({"run_id": ["a", "a"], "variant": ["", "ema"]})
    >>> rows_of_final_weights(table)["variant"].to_pylist()
    ['']
    """
    # Their variant is empty. Comparing it with a Python value would import pandas.
    is_other = pc.cast(pc.binary_length(table["variant"]), pa.bool_())
    return table.filter(pc.invert(is_other))


def with_attempts(table: pa.Table, attempts: Mapping[str, int]) -> pa.Table:
    """Return a table with the attempt number of each row's run; a missing variant becomes empty.

    Args:
        table: A table that has the columns ``run_id``, ``variant`` and ``attempt``.
        attempts: The attempt number by run id.
    """
    numbers = [attempts[run_id] for run_id in table["run_id"].to_pylist()]
    columns = {"attempt": array_of(numbers, pa.int64())}
    if table["variant"].null_count:
        columns["variant"] = pc.fill_null(table["variant"], FINAL_WEIGHTS)
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def only_runs(table: pa.Table, run_ids: pa.Array) -> pa.Table:
    """Return the rows of some runs of a table that has the column ``run_id``."""
    return table.filter(pc.is_in(table["run_id"], run_ids)) if len(run_ids) else table.slice(0, 0)


def without_runs(table: pa.Table, run_ids: Collection[str]) -> pa.Table:
    """Return a table that has the column ``run_id``, without the rows of some runs."""
    if not run_ids:
        return table
    return table.filter(pc.invert(pc.is_in(table["run_id"], array_of(list(run_ids), pa.string()))))
