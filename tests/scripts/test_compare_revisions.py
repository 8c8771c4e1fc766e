"""The comparison of two revisions, bit by bit."""

import math

import numpy as np
import pandas as pd
import pytest

from tests.support.frame_bits import different_bits

FRAME = pd.DataFrame(
    {
        "loss": [0.0, math.nan],
        "status": ["done", None],
        "steps": [1, 2],
        "betas": [np.array([0.9, 0.99]), None],
    }
)
#: A NaN with another payload.
OTHER_NAN = np.array([0x7FF8_0000_0000_0001]).view(np.float64)[0]


def test_equal_bits():
    assert different_bits(FRAME, FRAME.copy()) == []


@pytest.mark.parametrize(
    ("column", "values", "difference"),
    [
        ("loss", [-0.0, math.nan], "loss: -0.0 instead of 0.0 in row 0"),
        ("loss", [0.0, OTHER_NAN], "loss: nan instead of nan in row 1"),
        ("status", ["done", "failed"], "status: failed instead of nan in row 1"),
        ("betas", [np.array([0.9, 0.999]), None], "betas: [0.9   0.999] instead of [0.9  0.99]"),
        ("steps", [1, 3], "steps: 3 instead of 2 in row 1"),
        ("steps", [1.0, 2.0], "steps: float64 instead of int64"),
    ],
)
def test_different_bits(column, values, difference):
    (line,) = different_bits(FRAME, FRAME.assign(**{column: values}))
    assert line.startswith(difference)


def test_a_missing_row():
    (line,) = different_bits(FRAME, FRAME[:1])
    columns = "loss, status, steps, betas"
    assert line == f"1 rows of {columns} instead of 2 rows of {columns}"
