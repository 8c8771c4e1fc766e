"""Separability and tilt on surfaces whose answer is known, with and without noise."""

import numpy as np
import pandas as pd
import pytest

from adamcmp import analysis
from adamcmp.analysis import MEASURES, RunTable, additive_surface, tilt
from tests.support.gridded import bowl, grid, in_basin, rotated, runs, stacked, without_val

NAN = float("nan")


def separability(table):
    """Return the shares in the basin of 0.1."""
    return in_basin(analysis.separability(table))


def additive_share(cross: float) -> float:
    """The closed form on a centred grid: xy is orthogonal to every function of only x or only y."""
    x, y = np.log10(np.array(grid())).T
    additive = ((x**2 + y**2 - (x**2 + y**2).mean()) ** 2).sum()
    return additive / (additive + cross**2 * (x**2 * y**2).sum())


class TestSeparability:
    @pytest.mark.parametrize("cross", [0.0, 0.3, 1.0, 1.9])
    def test_the_share_is_the_closed_form(self, cross):
        row = separability(RunTable(runs(bowl(cross), grid()))).iloc[0]
        assert row["estimate"] == pytest.approx(additive_share(cross))
        assert (row["cells"], row["n"], row["model"]) == (49, 3, "grid")

    @pytest.mark.parametrize(
        ("cross", "seeds"),
        [
            (0.5, 3),
            *(
                pytest.param(*case, marks=pytest.mark.slow)
                for case in ((0.0, 2), (1.5, 2), (1.5, 5))
            ),
        ],
    )
    def test_intervals_cover_and_noise_is_subtracted(self, cross, seeds):
        self.check_coverage(cross, seeds, 40, 0.87)

    @pytest.mark.slow
    @pytest.mark.parametrize("cross", [0.0, 0.5, 1.5])
    @pytest.mark.parametrize("seeds", [2, 3, 5, 10])
    def test_intervals_have_their_nominal_coverage(self, cross, seeds):
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

    def test_another_optimizers_bad_setting_changes_nothing(self):
        frame = runs(bowl(1, size=0.02), grid(), 5, 0.003)
        bad = runs(lambda x, y: x * 0 + 0.99, grid(), 5, optimizer="sgd")
        alone, beside = separability(RunTable(frame)), separability(RunTable(stacked(frame, bad)))
        assert alone["cells"].item() < 49
        pd.testing.assert_frame_equal(beside.head(1), alone)

    def test_diverged_cells_near_the_optimum_are_penalized(self):
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
        # The cliff is at the same lr for every wd.
        assert column["estimate"].item() == pytest.approx(1)

    def test_a_search_is_fitted_by_quadratics(self):
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
    def test_optimizers_with_too_few_cells_have_no_row(self, frame):
        for function in (separability, tilt, additive_surface):
            table = function(RunTable(frame))
            assert table.empty and {"problem", "optimizer"} <= set(table)

    def test_evaluation_seeds_and_wd_0_have_no_effect(self):
        frame = runs(bowl(1), grid(), 3, 0.001)
        fresh = runs(bowl(1), [(1.0, 1.0)], 13, 0.001, 5)
        more = stacked(
            frame, fresh[fresh["seed"] >= 3], runs(lambda x, y: x * 0 + 0.25, grid(wd=[0.0]))
        )
        pd.testing.assert_frame_equal(separability(RunTable(more)), separability(RunTable(frame)))

    def test_a_regression_is_fitted_on_log_loss(self):
        frame = runs(bowl(0), grid())
        x, y = np.log10(frame["lr"]), np.log10(frame["wd"])
        loss = 10 ** (0.01 * (x**2 + y**2))  # additive only in its logarithm
        frame = frame.assign(val_error=NAN, test_error=NAN, val_loss=loss, test_loss=loss)
        worst = runs(lambda x, y: x * 0, [(1e3, 1.0)]).assign(
            val_error=NAN, test_error=NAN, val_loss=100.0, test_loss=100.0
        )
        row = separability(RunTable(stacked(frame, worst))).iloc[0]
        assert row["estimate"] == pytest.approx(1)
        fitted = additive_surface(RunTable(stacked(frame, worst)))
        assert fitted["fitted"].to_numpy() == pytest.approx(fitted["value"].to_numpy())


class TestSizesOfTheBasin:
    """A valley along lr·wd constant, and around it an additive bowl, or the same bowl everywhere."""

    def table(self, surface):
        return analysis.separability(RunTable(runs(surface, grid(), 3, 0.0005)))

    def headline(self, table):
        (measure,) = (m for m in MEASURES if m.name == "separability")
        return measure.headline(table)

    def test_each_size_has_a_row(self):
        table = self.table(bowl(0, size=0.01))
        assert table["basin"].tolist() == [0.05, 0.1, 0.15, 0.2]
        assert table["cells"].is_monotonic_increasing and table["cells"].nunique() > 1
        assert self.headline(table) == "Additive share: 1.00 for all."

    def test_there_is_no_answer_where_sizes_contradict_each_other(self):
        def surface(x, y):
            return 0.2 + np.where(
                x**2 + y**2 < 0.6, 0.02 * (x**2 + y**2 + 1.9 * x * y), 0.04 * (x**2 + y**2)
            )

        table = self.table(surface)
        assert self.headline(table) == "Depends on the size of the basin: AdamW."
