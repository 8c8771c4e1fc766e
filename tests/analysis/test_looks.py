"""The levels of repeated tests against published tables, scipy and simulated studies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from adamcmp.analysis.looks import level, nominal_levels, spending
from tests.support.random_numbers import rng


def first_crossings(bounds):
    """Return the share of all tests that is spent at each of several equally spaced tests.

    Computed by scipy from the joint normal distribution.
    """
    sizes = np.arange(1, len(bounds) + 1)
    correlation = np.sqrt(np.minimum.outer(sizes, sizes) / np.maximum.outer(sizes, sizes))
    inside = [1.0]
    for looks in sizes:
        ends = np.array(bounds[:looks])
        joint = stats.multivariate_normal(cov=correlation[:looks, :looks])
        inside.append(joint.cdf(ends, lower_limit=-ends))
    return -np.diff(inside)


@pytest.mark.parametrize(
    "bounds",
    [
        [2.178] * 2,  # Pocock's, Jennison & Turnbull 2000, table 2.1
        [2.289] * 3,
        [2.413] * 5,
        [1.977 * np.sqrt(2 / k) for k in (1, 2)],  # O'Brien & Fleming's, table 2.3
        [2.004 * np.sqrt(3 / k) for k in (1, 2, 3)],
    ],
)
def test_published_bounds_are_those_of_what_they_spend(bounds):
    spent = first_crossings(bounds)
    assert sum(spent) == pytest.approx(0.05, abs=2e-4)
    levels = nominal_levels(range(1, len(bounds) + 1), spent)
    np.testing.assert_allclose(stats.norm.isf(np.array(levels) / 2), bounds, atol=2e-3)


def test_the_first_test_has_the_full_level():
    assert level((7,)) == pytest.approx(0.05)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(2, 400), min_size=2, max_size=8, unique=True).map(sorted))
def test_later_tests_are_stricter_but_no_stricter_than_what_they_spend(seeds):
    last, spent = level(tuple(seeds)), spending(len(seeds))[-1]
    assert spent * 0.999 <= last < 0.05


def test_all_tests_together_spend_at_most_six_percent():
    assert sum(spending(100)) == pytest.approx(0.06)


def test_simulated_studies_with_students_test():
    """Five seeds, doubled until a test is significant; four tests in total."""
    looks, studies = (5, 10, 20, 40), 20_000
    values = rng().normal(size=(studies, looks[-1]))
    claimed = np.zeros(studies, bool)
    for end in range(len(looks)):
        p = stats.ttest_1samp(values[:, : looks[end]], 0, axis=1).pvalue
        claimed |= p < level(looks[: end + 1])
    assert 0.05 < claimed.mean() < 0.062
