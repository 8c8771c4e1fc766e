"""The direction of the basin's long axis."""

import numpy as np
import pytest

from adamcmp import analysis
from adamcmp.analysis import RunTable
from tests.support.gridded import bowl, grid, in_basin, rotated, runs, stacked


def tilt(table):
    """Return the angles in the basin of 0.1."""
    return in_basin(analysis.tilt(table))


class TestTilt:
    @pytest.mark.parametrize("angle", [-80, -45, -20, 0, 30, 60, 90])
    def test_the_angle_is_found(self, angle):
        estimate = tilt(RunTable(runs(rotated(angle), grid())))["estimate"].item()
        assert (estimate - angle + 90) % 180 - 90 == pytest.approx(0, abs=1e-6)
        assert -90 <= estimate <= 90

    @pytest.mark.parametrize("seeds", [3, pytest.param(5, marks=pytest.mark.slow)])
    def test_intervals_cover(self, seeds):
        self.check_coverage(seeds, 40, 0.87)

    @pytest.mark.slow
    @pytest.mark.parametrize("seeds", [3, 5, 10])
    def test_intervals_have_their_nominal_coverage(self, seeds):
        self.check_coverage(seeds, 600, 0.93)

    def check_coverage(self, seeds, times, least):
        rng = np.random.default_rng(4)
        noisy = [
            runs(rotated(-45), grid(), seeds, 0.003, rng, problem=f"p{i}") for i in range(times)
        ]
        table = tilt(RunTable(stacked(*noisy)))
        covers = (table["ci_low"] <= -45) & (table["ci_high"] >= -45)
        assert len(table) == times and covers.mean() >= least
        assert covers.mean() <= 0.975 or times < 100

    def test_a_round_bowl_has_no_axis(self):
        table = tilt(RunTable(runs(bowl(0), grid(), 5, 0.003, 1)))
        assert (table["ci_high"] - table["ci_low"]).item() == pytest.approx(180)
