"""Check the rows of a file: required cells, status, shares that add up, duplicates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adamcmp.errors import ConfigError
from adamcmp.storage.columns import STATUSES
from adamcmp.workflows.importing.csv_table import CsvTable
from adamcmp.workflows.importing.mapping import REQUIRED

if TYPE_CHECKING:
    import pandas as pd

#: Largest deviation of error + accuracy from 1 if both are rounded to whole percents.
_ROUNDING = 0.011


def check_filled(source: CsvTable, data: Mapping[str, Sequence[Any]]) -> None:
    """Reject empty or negative cells in required columns, and an unknown status.

    Args:
        source: The file.
        data: The values of its cells, by adamcmp's column.

    Raises:
        ConfigError: If there is such a cell; the message names its row.
    """
    for column in (*REQUIRED, *(["step"] if "step" in data else [])):
        for i, value in enumerate(data[column]):
            if value is None:
                raise source.row_error(i, f"{column} is empty")
            if column in ("lr", "wd") and not 0 <= value < math.inf:
                raise source.row_error(
                    i, f"{column}={value:g} should be a finite number of at least 0"
                )
            if column in ("seed", "step") and value < 0:
                raise source.row_error(i, f"{column}={value} should be at least 0")
    for i, status in enumerate(data.get("status", [])):
        if status not in STATUSES:
            raise source.row_error(i, f"status={status} should be one of {', '.join(STATUSES)}")


def check_shares(source: CsvTable, metrics: Mapping[str, Sequence[float]]) -> None:
    """Reject an error and an accuracy of one split that do not add up to 1.

    Args:
        source: The file.
        metrics: The values of its metrics.

    Raises:
        ConfigError: If there are such values; the message names their row.
    """
    for error in (c for c in metrics if c.endswith("_error") and "gap" not in c):
        accuracy = f"{error.removesuffix('_error')}_accuracy"
        pairs = zip(metrics[error], metrics.get(accuracy, ()), strict=False)
        for i, (wrong, right) in enumerate(pairs):
            if abs(wrong + right - 1) > _ROUNDING and math.isfinite(wrong + right):
                raise source.row_error(
                    i, f"{error}={wrong:g} and {accuracy}={right:g} do not add up to 1"
                )


def check_duplicates(source: CsvTable, table: pd.DataFrame, unused: Sequence[str]) -> None:
    """Reject two rows of one run or evaluation.

    Args:
        source: The file.
        table: Its rows, with ``run_id``.
        unused: Columns of the file that are not read.

    Raises:
        ConfigError: If there are such rows; the message names the columns in which they differ.
    """
    step = ["step"] if "step" in table else []
    duplicated = table.duplicated(["run_id", *step])
    if not duplicated.any():
        return
    second = int(duplicated.to_numpy().argmax())
    row = table.iloc[second]
    same = (table[["run_id", *step]] == row[["run_id", *step]]).all(axis="columns")
    first = int(same.to_numpy().argmax())
    differing = [c for c in unused if source.columns[c][first] != source.columns[c][second]]
    key = ", ".join(f"{c} {row[c]}" for c in (*REQUIRED, *step))
    hint = (
        f"If a setting distinguishes them, name its column: --settings {' '.join(differing)}"
        if differing
        else "Remove one of them"
    )
    raise ConfigError(
        f"{source.path}: rows {source.rows[first]} and {source.rows[second]} are the same "
        f"{'evaluation' if step else 'run'} ({key}). {hint}."
    )
