"""How many seeds a comparison needs."""

import numpy as np
import pytest
from scipy import stats

from adamcmp.analysis import estimates
from adamcmp.analysis.power import detectable_difference, seeds_for_power
from tests.support.random_numbers import rng


class TestPower:
    @pytest.mark.parametrize(
        ("size", "paired", "each"), [(0.2, 199, 394), (0.5, 34, 64), (0.8, 15, 26)]
    )
    def test_cohens_table(self, size, paired, each):
        assert seeds_for_power(size) == seeds_for_power(-size) == paired
        assert seeds_for_power(size, groups=2) == each

    def test_by_simulation(self):
        n = seeds_for_power(1.0, lambda n: 0.05 / 6)
        x = rng().normal(size=(20_000, n)) + 1
        for values, enough in ((x, True), (x[:, :-1], False)):
            power = (estimates.mean(values).p_value < 0.05 / 6).mean()
            assert (power > 0.795) == enough, power

    @pytest.mark.parametrize("choice", [0.0, 0.001, 0.01, 0.05])
    @pytest.mark.parametrize("alpha", [0.05, 0.05 / 15])
    def test_against_the_noncentral_f_distribution(self, alpha, choice):
        """The square of a noncentral t is a noncentral F of 1 degree of freedom."""
        actual = []
        for size in np.geomspace(1.1, 30, 60):
            actual.append(seeds_for_power(size, lambda n: alpha, constant_variance=choice))
            power = {}
            for n in (actual[-1] - 1, actual[-1]):
                centre = size**2 / (1 / n + choice)
                cut = stats.f.isf(alpha, 1, max(n - 1, 1))
                power[n] = stats.ncf.sf(cut, 1, n - 1, centre) if n > 1 else 0
            assert [p >= 0.8 for p in power.values()] == [False, True], (size, power)
        assert actual == sorted(actual, reverse=True)

    def test_constant_variance_by_simulation(self):
        """The difference of two selected settings varies over selections, whatever the number of seeds."""
        n = int(seeds_for_power(1.0, constant_variance=0.09))
        selected = 1 + 0.3 * rng().normal(size=(20_000, 1))
        x = selected + np.random.default_rng(1).normal(size=(20_000, n))
        for values, low, high in ((x, 0.79, 0.84), (x[:, : 2 * n // 3], 0.4, 0.75)):
            k = values.shape[1]
            t = values.mean(axis=1) / np.sqrt(values.var(axis=1, ddof=1) / k + 0.09)
            power = (2 * stats.t.sf(abs(t), k - 1) < 0.05).mean()
            assert low < power < high

    def test_constant_variance_may_require_infinitely_many_seeds(self):
        # With infinitely many seeds, the test is a normal test of size / sqrt(choice).
        least = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** -2
        assert seeds_for_power(1.0, constant_variance=1.01 * least) == np.inf
        assert 2 < seeds_for_power(1.0, constant_variance=0.9 * least) < np.inf

    def test_a_level_that_depends_on_the_number_of_seeds(self):
        n = seeds_for_power(1.0, lambda n: 0.05 if n < 8 else 0.01)
        assert n == seeds_for_power(1.0, lambda n: 0.01)

    def test_a_difference_of_0_is_an_error(self):
        with pytest.raises(ValueError, match="No number of seeds"):
            seeds_for_power(0.0)


@pytest.mark.parametrize(("n", "alpha"), [(2, 0.05), (5, 0.05), (10, 0.05 / 6), (20, 0.05 / 435)])
def test_the_detectable_difference_is_detected_with_80_percent_power(n, alpha):
    size = detectable_difference(1 / n**0.5, n - 1, alpha)
    values = size + rng().normal(size=(20_000, n))
    power = (estimates.mean(values).p_value < alpha).mean()
    assert power == pytest.approx(0.8, abs=0.01)


def test_no_difference_is_detectable_without_a_standard_error():
    assert np.isnan(detectable_difference(np.nan, 4)) and np.isnan(detectable_difference(1, 0))
