"""Corrected p-values of comparisons with one baseline: enumeration, error rates, and power."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from adamcmp.analysis.estimates import holm
from adamcmp.analysis.sign_flips import MIN_SEEDS, max_t
from tests.support.random_numbers import rng


def students_p(differences):
    return stats.ttest_1samp(differences, 0, axis=-1, nan_policy="omit").pvalue


def largest_t(differences, least_variance):
    limited = np.maximum(differences.var(axis=1, ddof=1), least_variance)
    return (np.abs(differences.mean(axis=1)) / np.sqrt(limited / differences.shape[1])).max()


def differences(
    generator, optimizers, seeds, better=0.0, differing=1, baseline_noise=1.0, skewed=False
):
    """Differences of the other optimizers from the first one; the next ones may differ from it."""
    draw = generator.standard_exponential if skewed else generator.standard_normal
    values = draw(size=(optimizers, seeds)) - skewed
    values[0] *= baseline_noise
    values[1 : 1 + differing] += better
    return values[1:] - values[0]


def test_flips_are_all_enumerated():
    """The first step is the share of the 2^n flips whose largest t is as large."""
    values = differences(rng(), 4, 7, better=1.5)
    limit = np.median(values.var(axis=1, ddof=1))
    largest = [largest_t(values * signs, limit) for signs in product([1, -1], repeat=7)]
    expected = np.mean(np.array(largest) >= largest_t(values, limit) * (1 - 1e-9))
    p = students_p(values)
    assert max_t(p, values).min() == pytest.approx(max(expected, p.min()))


def test_one_comparison_is_not_corrected_but_by_its_steps():
    values = differences(rng(), 2, 12, better=1.0)
    p = students_p(values)
    assert max_t(p, values) == pytest.approx(p, abs=0.01)


def test_a_small_standard_deviation_is_not_significant_by_itself():
    """Seven seeds of one comparison agree by chance: a small mean has a small p."""
    values = differences(rng(), 8, 7)
    values[2] = 0.1 + 0.001 * values[2]
    p = students_p(values)
    assert p[2] < 1e-6 and max_t(p, values)[2] > 0.5


def test_a_larger_p_is_less_significant():
    """A test that covers the test examples too has a larger p than that over seeds."""
    values = differences(rng(), 4, 10, better=1.5)
    p = students_p(values)
    larger = np.array([0.03, *p[1:]])
    assert p[0] < 0.03 <= max_t(larger, values)[0] > max_t(p, values)[0]


def test_missing_seeds_and_comparisons_without_a_test():
    values = differences(rng(), 4, 10, better=2.0)
    values[1, 7:] = np.nan
    p = students_p(values)
    p[2] = np.nan
    corrected = max_t(p, values)
    assert np.isnan(corrected[2]) and (corrected[:2] >= p[:2]).all()
    assert corrected[:2] == pytest.approx(max_t(p[:2], values[:2]))
    assert np.isnan(max_t(np.full(3, np.nan), values)).all()


def test_six_seeds_can_be_significant_and_five_cannot():
    for seeds in (MIN_SEEDS - 1, MIN_SEEDS):
        values = 1 + 0.01 * rng().normal(size=(3, seeds))
        corrected = max_t(students_p(values), values)
        assert (corrected.min() < 0.05) == (seeds == MIN_SEEDS)
        assert corrected.min() == 2.0 ** (1 - seeds)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("noise", ["normal", pytest.param("skewed", marks=SLOW)])
@pytest.mark.parametrize("baseline_noise", [1.0, pytest.param(0.3, marks=SLOW)])
@pytest.mark.parametrize(
    ("optimizers", "seeds"),
    [(6, 10), pytest.param(10, 12, marks=SLOW), pytest.param(30, 6, marks=SLOW)],
)
def test_some_difference_is_claimed_in_5_percent_of_studies(
    optimizers, seeds, baseline_noise, noise
):
    """800 studies: the standard error of the share is 0.8 %."""
    generator = rng()
    studies = [
        differences(
            generator, optimizers, seeds, baseline_noise=baseline_noise, skewed=noise == "skewed"
        )
        for _ in range(800)
    ]
    claimed = np.mean([max_t(students_p(values), values).min() < 0.05 for values in studies])
    assert claimed < 0.07


@pytest.mark.parametrize(
    ("optimizers", "differing", "skewed"),
    [
        (10, 5, False),
        *(pytest.param(*case, marks=SLOW) for case in [(20, 12, False), (20, 10, True)]),
    ],
)
def test_optimizers_that_differ_cause_no_claims_about_others(optimizers, differing, skewed):
    """400 studies: the standard error of the share is 1.1 %."""
    generator = rng()
    studies = [
        differences(generator, optimizers, 9, better=5.0, differing=differing, skewed=skewed)
        for _ in range(400)
    ]
    corrected = np.array([max_t(students_p(values), values) for values in studies])
    assert (corrected[:, :differing] < 0.05).mean() > 0.95
    assert (corrected[:, differing:] < 0.05).any(axis=1).mean() < 0.08


@pytest.mark.slow
def test_thirty_optimizers_have_several_times_the_power_of_all_pairs():
    """A difference of one standard deviation, 20 seeds. Dunnett's test has a power of 0.57."""
    generator = rng()
    studies = [differences(generator, 30, 20, better=1.0) for _ in range(200)]
    by_max_t = np.mean([max_t(students_p(d), d)[0] < 0.05 for d in studies])
    pairs = 30 * 29 // 2
    by_holm = np.mean([holm([*students_p(d), *[1.0] * (pairs - 29)])[0] < 0.05 for d in studies])
    assert by_max_t > 0.5 and by_holm < 0.15
