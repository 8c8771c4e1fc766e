"""Results of a worker that lost its share: compared with those that another worker has stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adamcmp.errors import StoreError
from adamcmp.storage.columns import RUN_COLUMNS, Role
from adamcmp.storage.reader import read_final_rows
from adamcmp.storage.rows import FINAL_WEIGHTS
from adamcmp.storage.store import Store

_COMPARED = ["status", *(name for name, each in RUN_COLUMNS.items() if each.role == Role.METRIC)]


def check_late_results(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Compare rows that are not stored with the stored rows of the same runs.

    Runs are trained with the same bits everywhere on equal hardware. A difference means that this
    promise is broken, so that the study must not be used.

    Args:
        store: The study.
        rows: Rows of `runs`.

    Raises:
        StoreError: If the rows of equal hardware differ.
    """
    stored = read_final_rows(store.files, ["hardware", *_COMPARED])
    for row in rows:
        other = stored.get(row["run_id"])
        if row.get("variant", FINAL_WEIGHTS) != FINAL_WEIGHTS or other is None:
            continue
        differing = [name for name in _COMPARED if repr(row.get(name)) != repr(other[name])]
        if differing and row["hardware"] == other["hardware"]:
            name = differing[0]
            raise StoreError(
                f"Run {row['run_id']} was trained by two workers on equal hardware "
                f"({row['hardware']}), with different results: {name} is {other[name]} in the "
                f"study and {row.get(name)} here. Compare the versions of all packages on the two "
                f"machines."
            )
