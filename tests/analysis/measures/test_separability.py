"""Separability and tilt on surfaces whose answer is known, with and without noise."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from adamcmp.analysis import RunTable, additive_surface, separability, surface, tilt
from adamcmp.analysis.intervals import direction
from adamcmp.analysis.variance_share import squared_length, variance_share
from tests.support.gridded import LR, WD, grid, runs, stacked, without_val

NAN = float("nan")


def bowl(cross: float, size: float = 0.002, best: float = 0.2):
    """x² + y² + cross·xy; small beside the 0.3 up to a useless run, so that all is near the best."""
    return lambda x, y: best + size * (x**2 + y**2 + cross * x * y)


def rotated(degrees: float, size: float = 0.002):
    """A bowl whose long axis lies at an angle, curved four times as much across it."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return lambda x, y: 0.2 + size * ((c * x + s * y) ** 2 + 4 * (c * y - s * x) ** 2)


def additive_share(cross: float) -> float:
    """The closed form on a centred grid: xy is orthogonal to everything of x or y alone."""
    x, y = np.log10(np.array(grid())).T
    additive = ((x**2 + y**2 - (x**2 + y**2).mean()) ** 2).sum()
    return additive / (additive + cross**2 * (x**2 * y**2).sum())


class TestSeparability:
    @pytest.mark.parametrize("cross", [0.0, 0.3, 1.0, 1.9])
    def test_the_share_is_the_closed_form(self, cross):
        row = separability(RunTable(runs(bowl(cross), grid()))).iloc[0]
        assert row["estimate"] == pytest.approx(additive_share(cross))
        assert (row["cells"], row["n"], row["model"]) == (49, 3, "grid")

    @pytest.mark.parametrize("cross", [0.0, 0.5, 1.5])
    @pytest.mark.parametrize("seeds", [2, 3, 5])
    def test_intervals_cover_and_noise_is_taken_off(self, cross, seeds):
        self.check_coverage(cross, seeds, 40, 0.87)

    @pytest.mark.slow
    @pytest.mark.parametrize("cross", [0.0, 0.5, 1.5])
    @pytest.mark.parametrize("seeds", [2, 3, 5, 10])
    def test_intervals_cover_as_often_as_they_say(self, cross, seeds):
        self.check_coverage(cross, seeds, 600, 0.93)

    def check_coverage(self, cross, seeds, times, least):
        rng, truth = np.random.default_rng(3), additive_share(cross)
        noisy = [
            runs(bowl(cross), grid(), seeds, 0.003, rng, problem=f"p{i}") for i in range(times)
        ]
        table = separability(RunTable(stacked(*noisy)))
        covers = (table["ci_low"] <= truth + 1e-3) & (truth - 1e-3 <= table["ci_high"])
        assert len(table) == times and covers.mean() >= least
        assert covers.mean() <= 0.99 or cross == 0 or times < 100
        assert table["estimate"].median() == pytest.approx(truth, abs=0.03)

    def test_plain_shares_would_be_pulled_down_by_noise(self):
        plain = separability(RunTable(runs(bowl(0), grid(), 1, 0.003))).iloc[0]
        many = separability(RunTable(runs(bowl(0), grid(), 10, 0.003))).iloc[0]
        assert plain["estimate"] < 0.8 < 0.95 < many["estimate"]
        assert np.isnan(plain["ci_low"]) and plain["n"] == 1

    def test_an_additive_bowl_that_saturates_far_away_stays_additive(self):
        steep = runs(lambda x, y: np.minimum(0.2 + 0.1 * (x**2 + y**2), 0.9), grid())
        row = separability(RunTable(steep)).iloc[0]
        assert row["estimate"] == pytest.approx(1) and row["cells"] < 49

    def test_a_narrow_diagonal_basin_is_not_separable(self):
        row = separability(RunTable(runs(rotated(-45, 0.05), grid()))).iloc[0]
        assert row["estimate"] < 0.6

    def test_diverged_cells_near_the_optimum_are_charged(self):
        def cliff(x, y):
            return np.where((x > 0.3) & (y > 0.3), NAN, bowl(0)(x, y))

        sound, broken = (
            separability(RunTable(runs(bowl(0), grid()))),
            separability(RunTable(runs(cliff, grid()))),
        )
        assert sound["estimate"].item() == pytest.approx(1)
        assert broken["estimate"].item() < 0.8 and broken["diverged"].item() == 27
        column = separability(
            RunTable(runs(lambda x, y: np.where(x > 0.3, NAN, bowl(0)(x, y)), grid()))
        )
        assert column["estimate"].item() == pytest.approx(1)  # one cliff in lr for every wd

    def test_a_search_is_judged_by_quadratics(self):
        rng = np.random.default_rng(0)
        drawn = 10 ** rng.uniform(-1.5, 1.5, (60, 2))
        table = separability(RunTable(stacked(
            runs(bowl(0), drawn, optimizer="a"), runs(bowl(1.5), drawn, optimizer="b"),
        ))).set_index("optimizer")  # fmt: skip
        assert set(table["model"]) == {"quadratic"}
        assert table.loc["a", "estimate"] == pytest.approx(1)
        x, y = np.log10(drawn).T
        full = np.stack([np.ones(60), x, y, x * x, y * y, x * y], axis=1)
        f = bowl(1.5)(x, y)
        left = f - full[:, :5] @ np.linalg.lstsq(full[:, :5], f, rcond=None)[0]
        expected = 1 - (left @ left) / ((f - f.mean()) ** 2).sum()
        assert table.loc["b", "estimate"] == pytest.approx(expected)

    @pytest.mark.parametrize(
        "frame",
        [
            runs(bowl(0), grid()).iloc[:0],
            runs(bowl(0), [(0.1, 0.1)]),
            runs(bowl(0), grid(wd=[0.1])),
            runs(bowl(0), grid(wd=[0.0, 0.1])),
            runs(lambda x, y: x * NAN, grid()),
            runs(bowl(0), grid()).assign(status="failed"),
            without_val(runs(bowl(0), grid())),
        ],
    )
    def test_what_it_cannot_answer_has_no_row(self, frame):
        for function in (separability, tilt, additive_surface):
            table = function(frame)
            assert table.empty and {"problem", "optimizer"} <= set(table)

    def test_fresh_seeds_of_a_winner_and_wd_0_change_nothing(self):
        frame = runs(bowl(1), grid(), 3, 0.001)
        fresh = runs(bowl(1), [(1.0, 1.0)], 13, 0.001, 5)
        more = stacked(
            frame, fresh[fresh["seed"] >= 3], runs(lambda x, y: x * 0 + 0.25, grid(wd=[0.0]))
        )
        pd.testing.assert_frame_equal(separability(RunTable(more)), separability(RunTable(frame)))

    def test_a_regression_is_judged_on_log_loss(self):
        frame = runs(bowl(0), grid())
        x, y = np.log10(frame["lr"]), np.log10(frame["wd"])
        loss = 10 ** (0.01 * (x**2 + y**2))  # additive in its logarithm alone
        frame = frame.assign(val_error=NAN, test_error=NAN, val_loss=loss, test_loss=loss)
        worst = runs(lambda x, y: x * 0, [(1e3, 1.0)]).assign(
            val_error=NAN, test_error=NAN, val_loss=100.0, test_loss=100.0
        )
        row = separability(RunTable(stacked(frame, worst))).iloc[0]
        assert row["estimate"] == pytest.approx(1)
        fitted = additive_surface(RunTable(stacked(frame, worst)))
        assert fitted["fitted"].to_numpy() == pytest.approx(fitted["value"].to_numpy())


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

    def test_noise_alone_leaves_everything_open(self):
        values = np.random.default_rng(0).normal(size=(16, 4))
        x, y = np.indices((4, 4)).reshape(2, -1)
        small = np.hstack([x[:, None] == range(4), y[:, None] == range(4)]).astype(float)
        _, low, high = variance_share(values, small, np.eye(16))
        assert high - low > 0.9

    def test_what_a_seed_shares_does_not_matter(self):
        rng = np.random.default_rng(0)
        x, y = np.indices((4, 4)).reshape(2, -1)
        small = np.hstack([x[:, None] == range(4), y[:, None] == range(4)]).astype(float)
        values = (x * y)[:, None] + rng.normal(size=(16, 4))
        shifted = values + 100 * rng.normal(size=4)
        assert variance_share(shifted, small, np.eye(16)) == pytest.approx(
            variance_share(values, small, np.eye(16))
        )


class TestTilt:
    @pytest.mark.parametrize("angle", [-80, -45, -20, 0, 30, 60, 90])
    def test_the_angle_is_found(self, angle):
        estimate = tilt(RunTable(runs(rotated(angle), grid())))["estimate"].item()
        assert (estimate - angle + 90) % 180 - 90 == pytest.approx(0, abs=1e-6)
        assert -90 <= estimate <= 90

    @pytest.mark.parametrize("seeds", [3, 5])
    def test_intervals_cover(self, seeds):
        self.check_coverage(seeds, 40, 0.87)

    @pytest.mark.slow
    @pytest.mark.parametrize("seeds", [3, 5, 10])
    def test_intervals_cover_as_often_as_they_say(self, seeds):
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

    def test_directions_of_the_plane(self):
        vectors = np.array([[1.0, 1.0, 1.0], [-0.1, 0.0, 0.1]])
        angle, low, high = direction(vectors)
        t = scipy_stats.ttest_1samp(vectors[1], 0).confidence_interval()
        assert (angle, np.tan(low), np.tan(high)) == pytest.approx((0, t.low, t.high))


class TestSurface:
    def test_cells(self):
        frame = runs(lambda x, y: np.where(x > 1, NAN, bowl(0)(x, y)), grid(), 2)
        table = surface(RunTable(frame)).set_index(["lr", "wd"])
        assert len(table) == 49
        best = table.loc[(1.0, 1.0)]
        assert best[["estimate", "val", "rank", "diverged", "n"]].tolist() == [0.2, 0.2, 0, 0, 2]
        gone = table.loc[LR[-1]]
        assert (
            gone["estimate"].isna().all()
            and (gone["diverged"] == 2).all()
            and (gone["n"] == 0).all()
        )
        assert set(gone["rank"]) == set(range(42, 49))  # after all that ended

    def test_other_settings_are_the_best_ones(self):
        frame = stacked(
            runs(bowl(0, best=0.3), grid(), **{"optimizer.eps": 1e-8}),
            runs(bowl(0, best=0.1), grid(), **{"optimizer.eps": 1e-4}),
        )
        table = surface(RunTable(frame))
        assert len(table) == 49 and table["estimate"].min() == pytest.approx(0.1)

    def test_fresh_seeds_of_a_winner_do_not_tell(self):
        frame = runs(bowl(0), grid(), 3, noise=0.01)
        fresh = runs(bowl(0), [(1.0, 1.0)], 13, noise=0.5)
        both = stacked(frame, fresh[fresh["seed"] >= 3])
        pd.testing.assert_frame_equal(surface(RunTable(both)), surface(RunTable(frame)))

    def test_a_cell_without_the_others_seeds_counts_with_its_own(self):
        frame = runs(bowl(0), grid(), 2)
        own = (frame["lr"] == LR[0]) & (frame["wd"] == WD[0])
        frame.loc[own, "seed"] += 7
        assert (surface(RunTable(frame))["n"] == 2).all() and len(surface(RunTable(frame))) == 49

    def test_without_validation_there_are_cells_but_no_places(self):
        table = surface(RunTable(without_val(runs(bowl(0), grid()))))
        assert len(table) == 49 and table["rank"].isna().all() and table["estimate"].notna().all()

    def test_the_additive_model_is_the_surface_where_that_is_additive(self):
        fitted = additive_surface(RunTable(runs(bowl(0), grid())))
        assert len(fitted) == len(LR) * len(WD)
        assert fitted["fitted"].to_numpy() == pytest.approx(fitted["value"].to_numpy())
