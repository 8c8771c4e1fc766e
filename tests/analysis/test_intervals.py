"""Jackknife and Fieller intervals against closed forms."""

import numpy as np
import pytest
from scipy import stats

from adamcmp.analysis.intervals import direction, jackknife

VALUES = np.array([0.2, 0.25, 0.21, 0.3])


def test_the_jackknife_of_a_mean_is_students_interval():
    estimate, low, high = jackknife(lambda rows: float(VALUES[rows].mean()), len(VALUES))
    expected = stats.ttest_1samp(VALUES, 0).confidence_interval()
    assert (estimate, low, high) == pytest.approx((VALUES.mean(), expected.low, expected.high))


def test_the_direction_of_vectors_has_fiellers_interval():
    vectors = np.array([[1.0, 1.0, 1.0], [-0.1, 0.0, 0.1]])
    angle, low, high = direction(vectors)
    t = stats.ttest_1samp(vectors[1], 0).confidence_interval()
    assert (angle, np.tan(low), np.tan(high)) == pytest.approx((0, t.low, t.high))


def test_every_direction_is_possible_if_the_mean_is_not_significant():
    _, low, high = direction(np.array([[1.0, -1.0, 0.1], [1.0, -0.9, 0.0]]))
    assert high - low == pytest.approx(2 * np.pi)


def test_one_seed_has_no_interval():
    assert np.isnan(jackknife(lambda rows: 1.0, 1)[1:]).all()
    assert np.isnan(direction(np.array([[1.0], [1.0]]))[1:]).all()
