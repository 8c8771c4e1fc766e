"""The share of a surface's variance that a smaller model explains."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from adamcmp.analysis.variance_share import variance_share

X, Y = np.indices((4, 4)).reshape(2, -1)
ADDITIVE = np.hstack([X[:, None] == range(4), Y[:, None] == range(4)]).astype(float)
FULL = np.eye(16)


def surface(values):
    """Return the parts of values (settings,) that are additive, and that are not."""
    additive = ADDITIVE @ np.linalg.lstsq(ADDITIVE, values, rcond=None)[0]
    return additive - values.mean(), values - additive


def true_share(values):
    additive, rest = surface(values)
    return additive @ additive / (additive @ additive + rest @ rest)


class TestEstimate:
    def test_products_of_different_seeds_have_no_noise_bias(self):
        values = (X * Y)[:, None] + np.random.default_rng(0).normal(size=(16, 4))
        pairs = [
            [a[part] @ b[part] for part in (0, 1)]
            for a, b in permutations([surface(column) for column in values.T], 2)
        ]
        explained, rest = np.mean(pairs, axis=0)
        actual, _, _ = variance_share(values, ADDITIVE, FULL)
        assert actual == pytest.approx(explained / (explained + rest))

    def test_one_seed_is_not_corrected_and_has_no_interval(self):
        values = (X * Y + X**2.0)[:, None]
        estimate, low, high = variance_share(values, ADDITIVE, FULL)
        assert estimate == pytest.approx(true_share(values[:, 0]))
        assert np.isnan([low, high]).all()

    def test_models_that_add_nothing_have_no_share(self):
        values = np.random.default_rng(0).normal(size=(16, 4))
        assert variance_share(values, ADDITIVE, ADDITIVE) is None
        assert variance_share(values, np.ones((16, 1)), FULL) is None


class TestInterval:
    @pytest.mark.parametrize("seed", range(3))
    def test_rounding_errors_of_an_additive_surface_have_no_effect(self, seed):
        noise = np.outer(1 + X * Y, [1, -2, 3, -1, -1])  # its mean over seeds is 0
        values = (X**2 + Y**2)[:, None] + 0.3 * noise
        rounding = 1e-15 * np.random.default_rng(seed).normal(size=values.shape)
        actual = variance_share(values * (1 + rounding), ADDITIVE, FULL)
        assert actual == pytest.approx(variance_share(values, ADDITIVE, FULL), abs=1e-9)

    def test_with_little_noise_it_is_that_of_the_delta_method(self):
        rng = np.random.default_rng(1)
        mean, sd = (X * Y).astype(float), rng.uniform(0.001, 0.02, 16)
        values = mean[:, None] + sd[:, None] * rng.normal(size=(16, 8))
        deviations = values - values.mean(axis=1, keepdims=True)
        deviations -= deviations.mean(axis=0)
        variance = (deviations**2).sum(axis=1) / 7 * 16 / 15
        centre = values.mean(axis=1)
        step = 1e-5 * np.eye(16)
        gradient = [(true_share(centre + h) - true_share(centre - h)) / 2e-5 for h in step]
        parts = np.square(gradient) * variance
        df = 7 * parts.sum() ** 2 / (parts**2).sum()
        half = scipy_stats.t.ppf(0.975, df) * np.sqrt(parts.sum() / 8)
        estimate, low, high = variance_share(values, ADDITIVE, FULL)
        assert [low, high] == pytest.approx([estimate - half, estimate + half], abs=0.001)

    def test_pure_noise_has_almost_the_interval_0_to_1(self):
        values = np.random.default_rng(0).normal(size=(16, 4))
        _, low, high = variance_share(values, ADDITIVE, FULL)
        assert high - low > 0.9

    def test_an_offset_of_a_seed_has_no_effect(self):
        rng = np.random.default_rng(0)
        values = (X * Y)[:, None] + rng.normal(size=(16, 4))
        shifted = values + 100 * rng.normal(size=4)
        assert variance_share(shifted, ADDITIVE, FULL) == pytest.approx(
            variance_share(values, ADDITIVE, FULL)
        )
