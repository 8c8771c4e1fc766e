"""The mapping of a file's columns."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from adamcmp.errors import ConfigError
from adamcmp.workflows.importing import CsvTable, ImportOptions
from adamcmp.workflows.importing.mapping import check_mapping, known_columns

CELLS = {"opt": "sgd", "acc": "1", "lr": "2"}
COLUMNS = {name: pa.chunked_array([[cell]]) for name, cell in CELLS.items()}
TABLE = CsvTable(Path("t.csv"), "", ",", COLUMNS, np.array([2]))


def test_columns_of_adamcmp():
    known = known_columns()
    assert (known["lr"], known["optimizer"], known["test_error"]) == (float, str, float)
    # Identity, provenance and error messages are not read from files.
    assert not {"run_id", "git_commit", "error", "finished_at"} & known.keys()


def test_a_valid_mapping():
    mapping = ImportOptions(
        {"optimizer": "opt", "test_accuracy": "acc"}, {"wd": "0"}, frozenset({"test_accuracy"})
    )
    check_mapping(mapping, TABLE, known_columns())


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (ImportOptions({"optimzer": "opt"}), "--map optimzer=: there is no column 'optimzer' of runs. Did you mean 'optimizer'?"),
        (ImportOptions(constants={"wdd": "0"}), "--set wdd=: there is no column"),
        (ImportOptions({"optimizer": "optt"}), "t.csv has no column 'optt'. Did you mean 'opt'? It has: opt, acc, lr."),
        (ImportOptions(settings=("nope",)), "t.csv has no column 'nope'"),
        (ImportOptions({"wd": "lr"}, {"wd": "0"}), "wd is set by both --map and --set"),
        (ImportOptions(settings=("lr",)), "--settings lr: is a column of adamcmp"),
        (ImportOptions(percent=frozenset({"lr"})), "--percent lr: applies to errors and accuracies only"),
    ],
)  # fmt: skip
def test_invalid_mappings(mapping, message):
    with pytest.raises(ConfigError) as error:
        check_mapping(mapping, TABLE, known_columns())
    assert message in str(error.value)
