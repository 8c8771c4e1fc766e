"""Check the rows of a file: required cells, status, shares that add up, duplicates."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from adamcmp.errors import ConfigError
from adamcmp.storage.columns import STATUSES
from adamcmp.workflows.importing.csv_table import CsvTable
from adamcmp.workflows.importing.mapping import REQUIRED

if TYPE_CHECKING:
    import pandas as pd

#: Largest deviation of error + accuracy from 1 if both are rounded to whole percents.
_ROUNDING = 0.011


def check_filled(source: CsvTable, data: Mapping[str, pa.Array]) -> None:
    """Reject empty or negative cells in required columns, and an unknown status.

    Args:
        source: The file.
        data: The values of its cells, by adamcmp's column.

    Raises:
        ConfigError: If there is such a cell; the message names its row.
    """
    for column in (*REQUIRED, *(["step"] if "step" in data else [])):
        values = data[column]
        _reject(source, column, values, pc.is_null(values), "filled")
        if column in ("lr", "wd"):
            valid = pc.and_(pc.greater_equal(values, 0), pc.less(values, math.inf))
            _reject(source, column, values, pc.invert(valid), "a finite number of at least 0")
        if column in ("seed", "step"):
            _reject(source, column, values, pc.less(values, 0), "at least 0")
    if "status" in data:
        status = data["status"].cast(pa.string())
        unknown = pc.invert(pc.is_in(status, pa.array(STATUSES)))
        _reject(source, "status", status, unknown, f"one of {', '.join(STATUSES)}")


def _reject(
    source: CsvTable, column: str, values: pa.Array, invalid: pa.BooleanArray, expected: str
) -> None:
    """Raise an error that names the first invalid value and its row."""
    index = pc.index(invalid, True).as_py()
    if index < 0:
        return
    value = values[index].as_py()
    if value is None:
        raise source.row_error(index, f"{column} is empty")
    text = f"{value:g}" if isinstance(value, float) else value
    raise source.row_error(index, f"{column}={text} should be {expected}")


def check_shares(source: CsvTable, metrics: Mapping[str, NDArray[np.float64]]) -> None:
    """Reject an error and an accuracy of one split that do not add up to 1.

    Args:
        source: The file.
        metrics: The values of its metrics.

    Raises:
        ConfigError: If there are such values; the message names their row.
    """
    for error in (c for c in metrics if c.endswith("_error") and "gap" not in c):
        accuracy = f"{error.removesuffix('_error')}_accuracy"
        if accuracy not in metrics:
            continue
        wrong, right = metrics[error], metrics[accuracy]
        contradict = (abs(wrong + right - 1) > _ROUNDING) & np.isfinite(wrong + right)
        if contradict.any():
            i = int(contradict.argmax())
            raise source.row_error(
                i, f"{error}={wrong[i]:g} and {accuracy}={right[i]:g} do not add up to 1"
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
    same = (table[key] == row[key] for key in ("run_id", *step))
    first = int(reduce(operator.and_, same).to_numpy().argmax())
    differing = [c for c in unused if source.columns[c][first] != source.columns[c][second]]
    key = ", ".join(f"{c} {row[c]}" for c in (*REQUIRED, *step))
    hint = "Remove one of them"
    if differing:
        hint = f"If a setting distinguishes them, name its column: --settings {' '.join(differing)}"
    if not step and "epoch" in table and row["epoch"] != table["epoch"].iloc[first]:
        hint = "If each row is an evaluation of a run, name the column of steps: --map step=COLUMN"
    raise ConfigError(
        f"{source.path}: rows {source.rows[first]} and {source.rows[second]} are the same "
        f"{'evaluation' if step else 'run'} ({key}). {hint}."
    )
