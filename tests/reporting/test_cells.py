"""Values as text: the uncertainty decides the digits, so rounding changes less than it."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.reporting.cells import p_value_text, value_text, with_deviations, with_intervals


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.123"),
        (-2.5, "−2.5"),
        (-0.0, "0"),
        (123456.0, "1.23e+05"),
        (7, "7"),
        (np.int64(7), "7"),
        (True, "yes"),
        (np.bool_(False), "no"),
        (None, "–"),
        (math.nan, "–"),
        (pd.NA, "–"),
        ("adamw", "adamw"),
        ([0.9, 0.999], "0.9, 0.999"),
        ((), ""),
    ],
)
def test_values(value, text):
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0456, "0.046"), (0.00099, "< 0.001"), (0.001, "0.001"), (1.0, "1"), (math.nan, "–")],
)
def test_p_values(value, text):
    assert p_value_text(value) == text


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        ([(math.nan, 0.1, 0.2)], ["–"]),
        ([(0.1234, math.nan, math.nan)], ["0.123"]),
        ([(0.1234, 0.1, math.inf)], ["0.123 [0.100, inf]"]),
        ([(0.5, 0.5, 0.5)], ["0.500 [0.500, 0.500]"]),
        ([(1234.5678, 1000, 1500)], ["1235 [1000, 1500]"]),
        ([(-0.0001, -0.02, 0.02)], ["−0.0001 [−0.020, 0.020]"]),
        ([(12.34, 8, 16), (0.71, -0.6, 2.0)], ["12.3 [8.0, 16.0]", "0.7 [−0.6, 2.0]"]),
        ([(12.34, 8, 16), (7.0, 6.9999, 7.0001)], ["12.34 [8.00, 16.00]", "7.00 [7.00, 7.00]"]),
        ([(12.345, math.nan, math.nan), (4.5678, math.nan, math.nan)], ["12.35", "4.57"]),
        ([], []),
    ],
)
def test_a_column_of_intervals_has_one_number_of_decimals(rows, texts):
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    assert with_intervals(*columns) == texts


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        ([(math.nan, 0.1)], ["–"]),
        ([(0.12345, math.nan)], ["0.123"]),
        ([(0.12345, 0.0)], ["0.123 ± 0.000"]),
        ([(0.12345, 1e-7)], ["0.1235 ± 0.0000"]),
        ([(12.345, 1.5), (3.0, 20.0)], ["12.3 ± 1.5", "3.0 ± 20.0"]),
    ],
)
def test_a_column_of_deviations_has_one_number_of_decimals(rows, texts):
    assert with_deviations(*zip(*rows, strict=True)) == texts


@given(
    estimate=st.floats(-1e3, 1e3),
    below=st.floats(1e-6, 1e3),
    above=st.floats(1e-6, 1e3),
)
def test_rounding_is_small_against_the_interval(estimate, below, above):
    """Each shown number is within a twelfth of the interval's width of the exact one."""
    low, high = estimate - below, estimate + above
    (text,) = with_intervals([estimate], [low], [high])
    shown = [
        float(part)
        for part in text.replace("−", "-")
        .replace("[", "")
        .replace("]", "")
        .replace(",", "")
        .split()
    ]
    assert len(shown) == 3
    for number, exact in zip(shown, (estimate, low, high), strict=True):
        assert abs(number - exact) <= (high - low) / 12 + 1e-8
