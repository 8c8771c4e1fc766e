"""Parquet files of the user."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adamcmp.config import build_component
from adamcmp.errors import DataError
from tests.support.datasets import load

PARQUET = {"name": "parquet", "path": "d.parquet", "target": "y"}
FRAME = pd.DataFrame({"a": np.arange(20.0) ** 2, "b": np.arange(20) % 7, "y": ["u", "v"] * 10})


def test_the_same_data_as_a_csv_file():
    FRAME.to_parquet("d.parquet")
    FRAME.to_csv("d.csv", index=False)
    data, csv = load(**PARQUET), load(name="csv", path="d.csv", target="y")
    for split in ("train", "val", "test"):
        np.testing.assert_array_equal(getattr(data, split).x, getattr(csv, split).x)
        np.testing.assert_array_equal(getattr(data, split).y, getattr(csv, split).y)


def test_the_index_of_pandas_is_left_out():
    FRAME.set_index(np.arange(20) ** 2).to_parquet("d.parquet")  # 0 … 19 would be no column
    dataset = build_component("dataset", PARQUET)
    data = dataset.load()
    assert data.shape.inputs == (2,)
    assert "leaves out a column without a name" in dataset.examine(data)[0]


def test_categories_are_classes():
    FRAME.astype({"y": "category"}).to_parquet("d.parquet")
    assert load(**PARQUET).shape.outputs == 2


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"a": ["x"] * 20}, "column 'a' should hold numbers, but row 1 holds 'x'"),
        ({"a": [None, *range(19)]}, "column 'a' has no value in row 1"),
        (
            {"a": pd.date_range("2026-01-01", periods=20)},
            "column 'a' should hold numbers, but holds times",
        ),
        ({"a": [[1.0, 2.0]] * 20}, "column 'a' should hold numbers"),
    ],
)
def test_invalid_columns(column, message):
    FRAME.assign(**column).to_parquet("d.parquet")
    with pytest.raises(DataError, match=message):
        load(**PARQUET)


def test_invalid_files():
    Path("d.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="is not a Parquet file"):
        load(**PARQUET)
