"""Corrected p-values of comparisons with one baseline: enumeration, error rates, and power."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from adamcmp.analysis.estimates import holm
from adamcmp.analysis.sign_flips import MIN_SEEDS, min_p
from tests.support.random_numbers import rng


def students_p(differences):
    return stats.ttest_1samp(differences, 0, axis=-1, nan_policy="omit").pvalue


def differences(generator, optimizers, seeds, better=0.0, baseline_noise=1.0):
    """Differences of the other optimizers from the first one; the second may be better."""
    values = generator.normal(size=(optimizers, seeds))
    values[0] *= baseline_noise
    values[1] += better
    return values[1:] - values[0]


def test_flips_are_all_enumerated():
    """The first step is the share of the 2^n flips whose smallest p-value is as small."""
    values = differences(rng(), 4, 7, better=1.5)
    p = students_p(values)
    smallest = [students_p(values * signs).min() for signs in product([1, -1], repeat=7)]
    expected = np.mean(np.array(smallest) <= p.min() * (1 + 1e-9))
    assert min_p(p, values).min() == pytest.approx(max(expected, p.min()))


def test_one_comparison_is_not_corrected_but_by_its_steps():
    values = differences(rng(), 2, 12, better=1.0)
    p = students_p(values)
    assert min_p(p, values) == pytest.approx(p, abs=0.01)


def test_missing_seeds_and_comparisons_without_a_test():
    values = differences(rng(), 4, 10, better=2.0)
    values[1, 7:] = np.nan
    p = students_p(values)
    p[2] = np.nan
    corrected = min_p(p, values)
    assert np.isnan(corrected[2]) and (corrected[:2] >= p[:2]).all()
    assert corrected[:2] == pytest.approx(min_p(p[:2], values[:2]))


def test_six_seeds_can_be_significant_and_five_cannot():
    for seeds in (MIN_SEEDS - 1, MIN_SEEDS):
        values = 1 + 0.01 * rng().normal(size=(3, seeds))
        corrected = min_p(students_p(values), values)
        assert (corrected.min() < 0.05) == (seeds == MIN_SEEDS)
        assert corrected.min() == 2.0 ** (1 - seeds)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("baseline_noise", [1.0, pytest.param(0.3, marks=SLOW)])
@pytest.mark.parametrize(
    ("optimizers", "seeds"),
    [pytest.param(2, 10, marks=SLOW), (6, 10), pytest.param(30, 6, marks=SLOW)],
)
def test_some_difference_is_claimed_in_5_percent_of_studies(optimizers, seeds, baseline_noise):
    """800 studies: the standard error of the share is 0.8 %."""
    generator = rng()
    studies = [
        differences(generator, optimizers, seeds, baseline_noise=baseline_noise) for _ in range(800)
    ]
    claimed = np.mean([min_p(students_p(values), values).min() < 0.05 for values in studies])
    assert claimed < 0.07


@pytest.mark.slow
def test_thirty_optimizers_have_several_times_the_power_of_all_pairs():
    """A difference of one standard deviation, 20 seeds. Dunnett's test has a power of 0.57."""
    generator = rng()
    studies = [differences(generator, 30, 20, better=1.0) for _ in range(200)]
    by_min_p = np.mean([min_p(students_p(d), d)[0] < 0.05 for d in studies])
    pairs = 30 * 29 // 2
    by_holm = np.mean([holm([*students_p(d), *[1.0] * (pairs - 29)])[0] < 0.05 for d in studies])
    assert by_min_p > 0.4 and by_holm < 0.15
