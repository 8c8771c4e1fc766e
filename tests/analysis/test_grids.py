"""The spacing of grids, and the value beyond an edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.analysis.grids import next_value, value_beyond


@pytest.mark.parametrize(
    ("values", "following"),
    [
        ([1e-3, 1e-2, 1e-1], 1.0),
        ([1e-1, 1e-2, 1e-3], 1e-4),
        ([0.25, 0.5], 1.0),
        ([1e-3, 3e-3, 1e-2], 3e-2),
        ([3e-3, 1e-2, 3e-2], 1e-1),
        ([0.1, 0.2, 0.3], 0.4),
        ([0.3, 0.2, 0.1], 0.05),  # an even step would lead to 0, so the value is halved
        ([1, 2, 5, 10], 20),
        ([0.5, 0.2, 0.1], 0.05),
        ([2e-4, 5e-4, 1e-3], 2e-3),
    ],
)
def test_the_next_value_of_an_axis(values, following):
    assert next_value(values) == pytest.approx(following, rel=1e-6)


@given(st.floats(1e-6, 1e-1), st.floats(1.2, 100), st.integers(2, 9))
def test_a_geometric_axis_is_continued(start, ratio, count):
    values = [start * ratio**i for i in range(count)]
    assert next_value(values) == pytest.approx(values[-1] * ratio, rel=1e-5)
    assert next_value(values[::-1]) == pytest.approx(start / ratio, rel=1e-5)


@given(st.integers(-40, 0), st.integers(2, 9))
def test_powers_are_continued_exactly(first, count):
    """What is added is what a longer `powers` would name, and so the same run."""
    values = [2.0**i for i in range(first, first + count)]
    assert next_value(values) == 2.0 ** (first + count)
    assert next_value(values[::-1]) == 2.0 ** (first - 1)


def test_zero_may_be_part_of_the_spacing():
    assert value_beyond([0.0, 0.1, 0.2], 0.2) == 0.3
    assert value_beyond([0.0, 0.01, 0.1], 0.1) == 1.0
    assert value_beyond([0.1, 0.2, 0.3], 0.1, zero_allowed=True) == 0.0
    assert value_beyond([0.1, 0.2, 0.3], 0.1) == 0.05


def test_no_cell_lies_beyond_zero_or_a_single_value():
    assert value_beyond([0.0, 0.1, 0.2], 0.0) is None
    assert value_beyond([0.1], 0.1) is None
    assert value_beyond([0.1, 0.2, 0.4], 0.2) is None


def test_values_without_a_spacing_have_no_edges():
    """Such are the values of a search and of a grid that was typed by hand."""
    assert value_beyond([1.3e-4, 1.5e-4, 2e-3, 2.5e-2], 2.5e-2) is None
    assert value_beyond([1e-4, 3e-4, 1e-3, 2.5e-3], 2.5e-3) is not None


def test_few_random_values_of_a_search_are_no_grid():
    for values in ([0.0123457, 0.0456789], [0.00123457, 0.0087654, 0.0345678]):
        assert value_beyond(values, values[-1]) is None


@pytest.mark.parametrize(
    ("values", "following"),
    [
        ([2.0**-12, 2.0**-11], 2.0**-10),
        ([0.001, 0.0316228, 1.0], 31.6228),
        ([0.001, 0.003], 0.009),
        ([0.000123, 0.00123], 0.0123),
    ],
)
def test_two_or_three_values_of_a_grid(values, following):
    assert value_beyond(values, values[-1]) == pytest.approx(following, rel=1e-4)
