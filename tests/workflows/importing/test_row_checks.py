"""Checks of the rows of a file."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from adamcmp.errors import ConfigError
from adamcmp.workflows.importing import CsvTable
from adamcmp.workflows.importing.row_checks import check_duplicates, check_filled, check_shares

#: Blank lines were skipped between the two rows.
SOURCE = CsvTable(
    Path("t.csv"), "", ",", {"host": pa.chunked_array([["x", "y"]])}, np.array([2, 5])
)
FILLED = {"optimizer": "sgd", "dataset": "d", "model": "m", "lr": 0.1, "wd": 0.0, "seed": 0}


def data(**second):
    """Return the values of two rows; the second one differs."""
    return {
        name: pa.array([FILLED.get(name), second.get(name, FILLED.get(name))])
        for name in {**FILLED, **second}
    }


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"seed": None}, "row 5: seed is empty"),
        ({"lr": math.nan}, "row 5: lr=nan should be a finite number of at least 0"),
        ({"wd": -1.0}, "row 5: wd=-1 should be a finite number of at least 0"),
        ({"seed": -1}, "row 5: seed=-1 should be at least 0"),
    ],
)
def test_cells_that_a_run_needs(second, message):
    check_filled(SOURCE, data())
    with pytest.raises(ConfigError, match=message):
        check_filled(SOURCE, data(**second))


def test_statuses():
    check_filled(SOURCE, data() | {"status": pa.array(["done", "diverged"])})
    with pytest.raises(
        ConfigError, match="row 5: status=ok should be one of done, diverged, failed"
    ):
        check_filled(SOURCE, data() | {"status": pa.array(["done", "ok"])})


@pytest.mark.parametrize(
    ("error", "accuracy", "is_valid"),
    [(0.25, 0.75, True), (0.25, 0.76, True), (0.25, 0.77, False), (math.inf, 0.1, True), (math.nan, 0.1, True)],
)  # fmt: skip
def test_an_error_and_an_accuracy_add_up_to_1(error, accuracy, is_valid):
    values = {"test_error": [0.5, error], "test_accuracy": [0.5, accuracy], "gap_error": [9, 9]}
    metrics = {name: np.array(pair) for name, pair in values.items()}
    if is_valid:
        check_shares(SOURCE, metrics)
    else:
        with pytest.raises(ConfigError, match=r"row 5: test_error=0\.25 and test_accuracy=0\.77"):
            check_shares(SOURCE, metrics)


def test_rows_of_one_run():
    table = pa.table(data()).to_pandas().assign(run_id="a")
    with pytest.raises(ConfigError, match=r"rows 2 and 5 are the same run .* --settings host"):
        check_duplicates(SOURCE, table, ["host"])
    with pytest.raises(ConfigError, match=r"the same evaluation .*step 3\)\. Remove one of them"):
        check_duplicates(SOURCE, table.assign(step=3), [])
    with pytest.raises(
        ConfigError, match="evaluation of a run, name the column of steps: --map step=COLUMN"
    ):
        check_duplicates(SOURCE, table.assign(epoch=[1.0, 2.0]), ["host"])
    check_duplicates(SOURCE, table.assign(step=[3, 4]), [])
    check_duplicates(SOURCE, table.assign(run_id=["a", "b"]), [])
