"""Profiles over lr and wd of surfaces whose answer is known."""

import numpy as np
import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.profiles import (
    distance_to_edge,
    fails_from,
    has_profile,
    largest_excess,
    mean_excess,
    profile,
)
from adamcmp.analysis.setting_matrix import setting_matrices
from tests.support.gridded import grid, runs

NAN = float("nan")


def valley(x, y):
    """Best at lr 1 and wd 1; 0.04 more per decade of lr, and 0.01 per decade of wd."""
    return 0.2 + 0.04 * np.abs(x) + 0.01 * np.abs(y)


def matrix_of(surface, settings=None, **options):
    (matrix,) = setting_matrices(RunTable(runs(surface, settings or grid(), **options)))
    return matrix


def test_a_profile_takes_the_best_setting_at_each_value():
    positions, settings = profile(matrix := matrix_of(valley), "lr")
    assert positions == pytest.approx(np.linspace(-1.5, 1.5, 7))
    assert matrix.settings["wd"].iloc[settings].tolist() == pytest.approx([1.0] * 7)


@pytest.mark.parametrize(("decades", "mean"), [(1.0, 0.5), (0.75, 0.375), (0.25, 0.125)])
def test_the_mean_excess_is_interpolated(decades, mean):
    # |x| over ±d decades has mean d / 2
    assert mean_excess(matrix_of(valley), "lr", decades) == pytest.approx(0.04 * mean)
    assert mean_excess(matrix_of(valley), "wd", decades) == pytest.approx(0.01 * mean)


def test_the_distance_to_the_edge():
    assert distance_to_edge(matrix_of(valley), "lr") == pytest.approx(1.5)
    assert distance_to_edge(matrix_of(lambda x, y: valley(x - 1, y)), "lr") == pytest.approx(0.5)
    assert distance_to_edge(matrix_of(lambda x, y: valley(x - 9, y)), "lr") == 0


def test_scattered_settings_have_no_profile():
    scattered = [(10.0**x, 10.0 ** (1.1 * x)) for x in np.linspace(-1, 1, 5)]
    assert not has_profile(matrix_of(valley, scattered), "lr")
    assert has_profile(matrix_of(valley), "lr")


def test_the_largest_excess_is_a_bound():
    exact = matrix_of(valley)
    assert largest_excess(exact, "lr") == pytest.approx(0.06)
    assert largest_excess(matrix_of(valley, noise=0.001), "lr") > 0.06


class TestFailsFrom:
    def test_the_values_at_which_all_runs_diverge(self):
        matrix = matrix_of(lambda x, y: np.where(x > 0.7, NAN, valley(x, y)), noise=0.001)
        assert fails_from(matrix, "lr") == pytest.approx(10.0)
        assert np.isnan(fails_from(matrix, "wd"))

    def test_an_error_close_to_that_before_training(self):
        # half way from 0.2 to the penalty of 0.5 is 0.35
        for error, expected in ((0.36, 10**1.5), (0.34, NAN)):
            matrix = matrix_of(lambda x, y, e=error: np.where(x > 1.2, e, valley(x, y)))
            assert fails_from(matrix, "lr") == pytest.approx(expected, nan_ok=True)

    def test_a_failure_below_a_value_that_trains_is_not_meant(self):
        matrix = matrix_of(lambda x, y: np.where(np.abs(x - 1) < 0.1, NAN, valley(x, y)))
        assert np.isnan(fails_from(matrix, "lr"))
