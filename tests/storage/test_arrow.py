"""Arrow types and tables of columns."""

import pyarrow as pa
import pytest

from adamcmp.storage.arrow import arrow_type, run_schema, table_of_rows


@pytest.mark.parametrize(
    ("python_type", "expected"),
    [
        (str, pa.string()),
        (int, pa.int64()),
        (float, pa.float64()),
        (bool, pa.bool_()),
        (list[float], pa.list_(pa.float64())),
        (list[str], pa.list_(pa.string())),
    ],
)
def test_types(python_type, expected):
    assert arrow_type(python_type) == expected


def test_a_row_with_a_key_that_is_no_column_is_an_error():
    with pytest.raises(KeyError, match="nonsense"):
        table_of_rows([{"run_id": "x", "nonsense": 1}], run_schema())
