"""The spacing of grids, and the value beyond an edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.analysis.grids import next_value, value_beyond
from adamcmp.config.sweep_functions import exact_range, linspace, logspace, powers


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


# Two values with a ratio of 3 may be the beginning of 1, 3, 10.
@given(st.floats(1e-6, 1e-1), st.floats(1.2, 100), st.integers(3, 9))
def test_a_geometric_axis_is_continued(start, ratio, count):
    values = [start * ratio**i for i in range(count)]
    assert next_value(values) == pytest.approx(values[-1] * ratio, rel=1e-5)
    assert next_value(values[::-1]) == pytest.approx(start / ratio, rel=1e-5)


def check_continued(wide, below, size):
    """The values next to wide[below : below + size] are those of the wider grid, to the bit."""
    wide = [float(value) for value in wide]
    narrow = wide[below : below + size]
    assert next_value(narrow) == wide[below + size]
    assert next_value(narrow[::-1], zero_allowed=True) == wide[below - 1]


@given(st.integers(1, 999), st.integers(-8, 0), st.integers(1, 4), st.integers(2, 8))
def test_beyond_a_logspace(digits, exponent, decades, per_decade):
    """The grid ends at decades of its start, and so does the wider one."""
    start, stop, low, high = (
        float(f"{digits}e{exponent + shift}") for shift in (0, decades, -2, decades + 3)
    )
    wide = logspace(low, high, (decades + 5) * per_decade + 1).list
    narrow = logspace(start, stop, decades * per_decade + 1).list
    assert wide[2 * per_decade :][: len(narrow)] == narrow
    check_continued(wide, 2 * per_decade, len(narrow))
    # A wider grid is continued too.
    check_continued(wide, 1, len(wide) - 2)


@pytest.mark.parametrize(("start", "stop", "n"), [(1e-4, 0.3, 7), (2e-5, 7e-3, 6), (3e-4, 0.05, 3)])
def test_a_logspace_is_continued_again(start, stop, n):
    """The ratio is that of the typed ends, whatever was added beyond them."""
    values = logspace(start, stop, n).list
    for k in range(n, n + 4):
        values.append(next_value(values))
        assert values[k] == float(f"{start * (stop / start) ** (k / (n - 1)):.6g}")


@given(st.integers(1, 5000), st.integers(1, 400), st.integers(-6, 0), st.integers(3, 30))
def test_beyond_a_range(first, step, exponent, size):
    start, stop, spacing = (
        float(f"{number}e{exponent}") for number in (first, first + (size + 1.5) * step, step)
    )
    check_continued(exact_range(start, stop, spacing).list, 1, size)


@given(st.integers(0, 50), st.integers(1, 50), st.integers(3, 12), st.integers(1, 3))
def test_beyond_a_linspace(start, width, n, periods):
    """The grid has the length `periods` times `width`, the wider one two more."""
    stop = start + (periods + 2) * width
    wide = linspace(start, stop, (periods + 2) * (n - 1) + 1).list
    check_continued(wide, n - 1, periods * (n - 1) + 1)


@given(
    st.sampled_from([2, 3, 5, 10, 0.1, 0.3, 0.5, 1.5, 2.5, 1.1]),
    st.integers(-12, 3),
    st.integers(3, 9),
)
def test_beyond_powers(base, first, size):
    check_continued(powers(base, first, first + size + 1).list, 1, size)


@pytest.mark.parametrize("mantissas", ["13", "125"])
@given(first=st.integers(-9, 2), start=st.integers(0, 2), size=st.integers(4, 9))
def test_beyond_typed_values(mantissas, first, start, size):
    typed = [float(f"{digit}e{first + i}") for i in range(8) for digit in mantissas]
    check_continued(typed[start:], 1, size)


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
        ([0.001, 0.003], 0.01),
        ([0.000123, 0.00123], 0.0123),
    ],
)
def test_two_or_three_values_of_a_grid(values, following):
    assert value_beyond(values, values[-1]) == pytest.approx(following, rel=1e-4)
