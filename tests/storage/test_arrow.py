"""Arrow types of columns."""

import pyarrow as pa
import pytest

from adamcmp.storage.arrow import arrow_type


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
