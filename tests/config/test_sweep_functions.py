"""Sweep functions: any arguments give the numbers that they describe."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.config.sweep_functions import exact_range, linspace, logspace, powers

POSITIVE = st.floats(1e-12, 1e12)


@given(POSITIVE, POSITIVE, st.integers(2, 50))
def test_logspace(start, stop, n):
    """Both ends exactly, and equal ratios up to the rounding to 6 digits."""
    values = logspace(start, stop, n).list
    assert len(values) == n and (values[0], values[-1]) == (start, stop)
    ratio = (stop / start) ** (1 / (n - 1))
    for i, value in enumerate(values):
        assert value == pytest.approx(start * ratio**i, rel=1e-5)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(2, 50))
def test_linspace(start, stop, n):
    values = linspace(start, stop, n).list
    assert len(values) == n and (values[0], values[-1]) == (start, stop)
    for i, value in enumerate(values):
        exact = start + i / (n - 1) * (stop - start)
        assert value == pytest.approx(exact, rel=1e-11, abs=1e-6)


@given(st.decimals(-10, 10, places=2), st.decimals("0.01", 1, places=2), st.integers(1, 50))
def test_range_is_exact_in_decimals(start, step, n):
    """Backwards, too; the oracle counts in hundredths."""
    expected = [float(f"{int(start * 100) + i * int(step * 100)}e-2") for i in range(n)]
    stop = start + step * n
    assert exact_range(float(start), float(stop), float(step)).list == expected
    backwards = exact_range(float(stop - step), float(start - step), -float(step)).list
    assert backwards == expected[::-1]


def test_linspace_across_zero_is_exact():
    assert linspace(-0.1, 0.2, 4).list == [-0.1, 0.0, 0.1, 0.2]


@given(st.integers(1, 12), st.integers(-20, 20), st.integers(0, 10))
def test_powers_are_exact(base, first, count):
    values = powers(base, first, first + count).list
    assert values == [float(Fraction(base) ** (first + i)) for i in range(count + 1)]
    assert all(isinstance(value, int) == (value == int(value)) for value in values)


def test_one_number():
    assert logspace(3, 7, 1).list == linspace(3, 7, 1).list == [3]


def test_whole_numbers_stay_whole():
    """So that they are values of settings such as batch_size."""
    assert [type(value) for value in logspace(1, 100, 3).list] == [int, int, int]
    assert [type(value) for value in linspace(0, 1, 3).list] == [int, float, int]
    assert [type(value) for value in linspace(0.0, 2.0, 3).list] == [float, float, float]
