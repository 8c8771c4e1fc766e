"""The levels of repeated tests against published tables, scipy and simulated studies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from adamcmp.analysis.looks import Looks, nominal_levels, spending
from tests.support.random_numbers import rng


def first_crossings(bounds, seeds):
    """Return the probability that each of several tests is the first one outside its bound.

    Computed by scipy from the joint normal distribution.
    """
    sizes = np.array(seeds)
    correlation = np.sqrt(np.minimum.outer(sizes, sizes) / np.maximum.outer(sizes, sizes))
    inside = [1.0]
    for looks in range(1, len(seeds) + 1):
        ends = np.array(bounds[:looks])
        # By default scipy's random integration is less accurate than the smallest probabilities.
        joint = stats.multivariate_normal(
            cov=correlation[:looks, :looks], abseps=1e-7, releps=1e-7, maxpts=10**5 * looks
        )
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
    spent = first_crossings(bounds, range(1, len(bounds) + 1))
    assert sum(spent) == pytest.approx(0.05, abs=2e-4)
    levels = nominal_levels(range(1, len(bounds) + 1), spent)
    np.testing.assert_allclose(stats.norm.isf(np.array(levels) / 2), bounds, atol=2e-3)


def test_the_first_test_has_the_full_level():
    assert Looks(0, (7,)).level == pytest.approx(0.05)


@settings(max_examples=20)
@given(st.lists(st.integers(2, 400), min_size=2, max_size=8, unique=True).map(sorted))
def test_later_tests_have_at_most_the_full_level_and_at_least_what_they_spend(seeds):
    last, spent = Looks(0, tuple(seeds)).level, spending(len(seeds))[-1]
    # Levels are integrated numerically. A test of nearly the same seeds has nearly the full level.
    assert spent * 0.999 <= last < 0.05 * 1.001


def test_all_tests_together_spend_at_most_six_percent():
    assert sum(spending(100)) == pytest.approx(0.06)


def test_simulated_studies_with_students_test():
    """Five seeds, doubled until a test is significant; four tests in total."""
    looks, studies = (5, 10, 20, 40), 20_000
    values = rng().normal(size=(studies, looks[-1]))
    claimed = np.zeros(studies, bool)
    for end in range(len(looks)):
        p = stats.ttest_1samp(values[:, : looks[end]], 0, axis=1).pvalue
        claimed |= p < Looks(0, looks[: end + 1]).level
    assert 0.05 < claimed.mean() < 0.062


def test_a_repeated_test_is_the_earlier_one():
    earlier = [set(range(n)) for n in (5, 10, 20)]
    for looks, seeds in enumerate(earlier, start=1):
        repeated = Looks.of(earlier, seeds)
        assert repeated == Looks.of(earlier[: looks - 1], seeds) and repeated.number == looks


def test_tests_on_other_seeds_are_bounded_by_bonferronis_inequality():
    looks = Looks.of([{0, 1, 2, 3, 4}], {5, 6, 7})
    assert looks.number == 2 and looks.level == pytest.approx(spending(2)[1])
    nested = Looks.of([{0, 1, 2, 3, 4}, {5, 6, 7}], {5, 6, 7, 8})
    (first, second) = nominal_levels((3, 4), spending(3)[1:])
    assert nested.number == 3 and nested.level == pytest.approx(second)
    assert first == pytest.approx(spending(2)[1])


def test_the_level_of_a_further_test():
    looks = Looks(0, (5,))
    assert looks.next_level(10) == Looks(0, (5, 10)).level
    assert looks.next_level(5) == looks.next_level(3) == looks.level
    assert Looks(0, ()).next_level(10) == pytest.approx(0.05)
    # The more seeds are added, the less does a further test depend on the earlier ones.
    levels = [looks.next_level(n) for n in (6, 10, 100, 10**7)]
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == pytest.approx(spending(2)[1] / (1 - 0.05), rel=0.01)


def test_the_level_of_one_of_several_comparisons():
    """Each of them spends its part, so all together spend what a single one does."""
    seeds = (5, 10, 20)
    levels = [Looks(0, seeds[:looks], comparisons=6).level for looks in (1, 2, 3)]
    bounds = stats.norm.isf(np.array(levels) / 6 / 2)
    spent = first_crossings(bounds, seeds)
    np.testing.assert_allclose(6 * spent, spending(3), rtol=0.02)
    assert levels[0] == pytest.approx(0.05) and levels[1] < Looks(0, seeds[:2]).level
