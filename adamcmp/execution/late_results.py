"""Results of a worker that lost its share: compared with those that another worker stores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adamcmp.errors import StoreError
from adamcmp.storage.columns import RUN_COLUMNS, Role
from adamcmp.storage.reader import read_final_rows
from adamcmp.storage.rows import FINAL_WEIGHTS
from adamcmp.storage.store import Store

#: Trained with equal values of these columns, a run has equal bits.
_EQUAL_BITS = ["hardware", "adamcmp_version", "torch_version"]
_COMPARED = ["status", *(name for name, each in RUN_COLUMNS.items() if each.role == Role.METRIC)]


@dataclass
class LateResults:
    """The results of a process that it did not store, since it had lost the share.

    A run has the same bits everywhere on equal hardware. If two results of a run differ, neither
    can be trusted, nor can the other results of the study. Runs that failed are not compared: a
    failure, such as lack of memory, may have a cause outside the run.

    Attributes:
        store: The study.
    """

    store: Store
    _rows: list[tuple[Mapping[str, Any], int]] = field(init=False, default_factory=list)

    def add(self, rows: Sequence[Mapping[str, Any]], attempts: Mapping[str, int]) -> None:
        """Add rows of `runs` that are not stored, and compare them.

        Args:
            rows: The rows.
            attempts: The attempt number of each run.

        Raises:
            StoreError: See `compare`.
        """
        final = [row for row in rows if row.get("variant", FINAL_WEIGHTS) == FINAL_WEIGHTS]
        self._rows += [(row, attempts[row["run_id"]]) for row in final]
        self.compare()

    def compare(self) -> None:
        """Compare the rows with the stored ones; keep those whose attempt is not stored yet.

        Raises:
            StoreError: If the rows of equal hardware differ.
        """
        rows, self._rows = self._rows, []
        outcomes = self.store.outcomes({row["run_id"] for row, _ in rows}) if rows else {}
        due: dict[str, tuple[Mapping[str, Any], int]] = {}
        for row, attempt in rows:
            outcome = outcomes.get(row["run_id"])
            if outcome is None or outcome.attempt < attempt:
                self._rows.append((row, attempt))
            elif outcome.attempt == attempt:
                due[row["run_id"]] = row, attempt
        if due:
            columns = ["attempt", *_EQUAL_BITS, *_COMPARED]
            stored = read_final_rows(self.store.files, columns, due)
            for run_id, (row, attempt) in due.items():
                if stored[run_id]["attempt"] == attempt:
                    _compare(row, stored[run_id])


def _compare(row: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    if not _must_be_equal(row, stored):
        return
    for name in _COMPARED:
        new_value, stored_value = row.get(name), stored.get(name)
        if _bits(new_value) != _bits(stored_value):
            raise StoreError(
                f"Run {row['run_id']} was trained by two workers on equal hardware "
                f"({row['hardware']}), with different results: {name} is {stored_value} in the "
                f"study and {new_value} in this worker. Compare the versions of all packages on "
                f"the two machines."
            )


def _must_be_equal(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    failed = "failed" in (row["status"], other["status"])
    return not failed and all(row.get(name) == other.get(name) for name in _EQUAL_BITS)


def _bits(value: Any) -> str:
    """Return text that differs for different bits; NaN and no value are equal."""
    if isinstance(value, str):
        return value
    return float(math.nan if value is None else value).hex()
