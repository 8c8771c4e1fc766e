"""Good regions and frontiers of surfaces whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis import RunTable, sensitivity
from tests.support.gridded import WD, grid, runs, stacked, without_val

NAN = float("nan")


def ramp(slope: float):
    """Error 0.2 at lr 1, `slope` more a decade; wd is idle within a decade of 1, then the same."""
    return lambda x, y: 0.2 + slope * np.abs(x) + slope * np.maximum(np.abs(y) - 1, 0)


def measures(frame: pd.DataFrame) -> pd.DataFrame:
    return sensitivity(RunTable(frame)).set_index("measure")


class TestSensitivity:
    def test_widths_are_interpolated(self):
        # 5 % of 0.2 is 0.01: reached 0.01 / 0.04 = 0.25 decades from the best, to both sides
        table = measures(runs(ramp(0.04), grid()))
        assert table.loc["lr decades", "estimate"] == pytest.approx(0.5)
        assert table.loc["wd decades", "estimate"] == pytest.approx(2.5)
        assert not table["at_edge"].any() and table.loc["lr decades", "decades"] == pytest.approx(3)

    def test_the_share_counts_cells(self):
        # of seven lr the middle one is good, with five of seven wd
        assert measures(runs(ramp(0.04), grid())).loc["good share", "estimate"] == 5 / 49

    def test_lr_sensitivity_is_the_mean_loss(self):
        # |x| over ±1.5 decades has mean 0.75
        table = measures(runs(ramp(0.04), grid()))
        assert table.loc["lr sensitivity", "estimate"] == pytest.approx(0.04 * 0.75)

    def test_a_good_region_that_reaches_the_edge(self):
        table = measures(runs(lambda x, y: 0.2 + 0.04 * np.abs(y) + 0 * x, grid()))
        assert table.loc["lr decades", ["estimate", "at_edge"]].tolist() == [pytest.approx(3), True]
        assert not table.loc["wd decades", "at_edge"]

    def test_diverged_settings_are_not_good(self):
        table = measures(runs(lambda x, y: np.where(x > 0, NAN, 0.2 + 0 * y), grid()))
        assert table.loc["good share", "estimate"] == pytest.approx(4 / 7)
        # from 0.2 to 0.5 within half a decade
        assert table.loc["lr decades", "estimate"] == pytest.approx(1.5 + 0.5 * 0.01 / 0.3)

    def test_a_setting_that_was_not_varied_has_no_width(self):
        assert set(measures(runs(ramp(0.04), grid(wd=[1.0]))).index) == {
            "good share",
            "lr decades",
            "lr sensitivity",
        }
        drawn = 10 ** np.random.default_rng(0).uniform(-1, 1, (20, 2))
        assert set(measures(runs(ramp(0.04), drawn)).index) == {"good share"}
        assert measures(runs(ramp(0.04), [(1, 1)])).empty
        assert measures(without_val(runs(ramp(0.04), grid()))).empty
        assert measures(runs(ramp(0.04), grid()).iloc[:0]).empty
        assert "wd decades" in measures(runs(ramp(0.04), grid(wd=[0.0, *WD]))).index

    @pytest.mark.slow
    def test_intervals_cover(self):
        rng = np.random.default_rng(0)
        noisy = [runs(ramp(0.04), grid(), 5, 0.003, rng, problem=f"p{i}") for i in range(40)]
        table = sensitivity(RunTable(stacked(*noisy)))
        truth = {"lr decades": 0.5, "wd decades": 2.5, "lr sensitivity": 0.03}
        for measure, value in truth.items():
            estimates = table[table["measure"] == measure]
            covers = (estimates["ci_low"] <= value) & (value <= estimates["ci_high"])
            assert covers.mean() >= 0.85, (measure, covers.mean())

    def test_one_seed_has_no_interval(self):
        table = measures(runs(ramp(0.04), grid(), 1))
        assert table["estimate"].notna().all() and table["ci_low"].isna().all()
