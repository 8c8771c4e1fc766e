"""The share of a surface's variance that a smaller model explains."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from adamcmp.analysis.variance_share import squared_length, variance_share

NAN = float("nan")


class TestShare:
    def test_at_no_signal_the_interval_is_the_f_test(self):
        rng = np.random.default_rng(1)
        for _ in range(30):
            parts = rng.normal(0.3, 1, (4, 5))
            mean = parts.mean(axis=1)
            noise = ((parts - mean[:, None]) ** 2).sum() / 16
            p = scipy_stats.f.sf(5 * (mean @ mean) / 4 / noise, 4, 16)
            if abs(p - 0.025) > 0.003:
                assert (squared_length(parts).low > 0) == (p < 0.025)

    def test_far_from_0_it_is_the_t_interval(self):
        parts = np.random.default_rng(2).normal(50, 1, (1, 6))
        ours = np.sqrt([squared_length(parts).low, squared_length(parts).high])
        theirs = scipy_stats.ttest_1samp(parts[0], 0).confidence_interval()
        assert ours == pytest.approx(theirs, abs=0.05)

    def test_pure_noise_has_almost_the_interval_0_to_1(self):
        values = np.random.default_rng(0).normal(size=(16, 4))
        x, y = np.indices((4, 4)).reshape(2, -1)
        small = np.hstack([x[:, None] == range(4), y[:, None] == range(4)]).astype(float)
        _, low, high = variance_share(values, small, np.eye(16))
        assert high - low > 0.9

    def test_an_offset_of_a_seed_has_no_effect(self):
        rng = np.random.default_rng(0)
        x, y = np.indices((4, 4)).reshape(2, -1)
        small = np.hstack([x[:, None] == range(4), y[:, None] == range(4)]).astype(float)
        values = (x * y)[:, None] + rng.normal(size=(16, 4))
        shifted = values + 100 * rng.normal(size=4)
        assert variance_share(shifted, small, np.eye(16)) == pytest.approx(
            variance_share(values, small, np.eye(16))
        )
