"""Results of a worker that lost its share: compared with those that another worker has stored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from adamcmp.errors import StoreError
from adamcmp.storage.columns import RUN_COLUMNS, Role
from adamcmp.storage.reader import read_final_rows
from adamcmp.storage.rows import FINAL_WEIGHTS
from adamcmp.storage.store import Store

#: Trained with equal values of these columns, a run has equal bits.
_EQUAL_BITS = ["hardware", "adamcmp_version", "torch_version"]
_COMPARED = ["status", *(name for name, each in RUN_COLUMNS.items() if each.role == Role.METRIC)]


def check_late_results(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Compare rows that are not stored with the stored rows of the same runs.

    Runs are trained with the same bits everywhere on equal hardware. A difference means that this
    promise is broken, so that the study must not be used. Runs that failed are not compared: a
    failure, such as lack of memory, may have a cause outside the run.

    Args:
        store: The study.
        rows: Rows of `runs`.

    Raises:
        StoreError: If the rows of equal hardware differ.
    """
    stored = read_final_rows(store.files, [*_EQUAL_BITS, *_COMPARED])
    for row in rows:
        other = stored.get(row["run_id"])
        if row.get("variant", FINAL_WEIGHTS) != FINAL_WEIGHTS or other is None:
            continue
        if not _must_be_equal(row, other):
            continue
        for name in _COMPARED:
            here, there = row.get(name), other.get(name)
            if _bits(here) != _bits(there):
                raise StoreError(
                    f"Run {row['run_id']} was trained by two workers on equal hardware "
                    f"({row['hardware']}), with different results: {name} is {there} in the study "
                    f"and {here} here. Compare the versions of all packages on the two machines."
                )


def _must_be_equal(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    failed = "failed" in (row["status"], other["status"])
    return not failed and all(row.get(name) == other.get(name) for name in _EQUAL_BITS)


def _bits(value: Any) -> str:
    """Return text that differs for different bits; NaN and no value are equal."""
    if isinstance(value, str):
        return value
    return float(math.nan if value is None else value).hex()
