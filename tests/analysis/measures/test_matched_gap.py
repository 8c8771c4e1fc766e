"""Values at equal training loss, of curves and settings that are lines in log training loss."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from adamcmp.analysis import RunTable, along_curves, matched, matched_differences, over_settings
from adamcmp.analysis.measures.matched_gap import LEVELS, MATCHED_METRICS
from tests.support.gridded import flat, grid, runs, stacked, without_val

NAN = float("nan")


def curves(frame: pd.DataFrame, rate, error, steps=range(0, 11)) -> pd.DataFrame:
    """Metrics of a training loss 2·10^(−rate·step); the test error is `error`(log10 loss, seed)."""
    actual = []
    for run, seed in zip(frame["run_id"], frame["seed"], strict=True):
        log = np.log10(2) - rate * np.array(steps, float)
        test = error(log, seed)
        actual.append(pd.DataFrame({
            "run_id": run, "step": steps, "train_loss": 10**log, "test_error": test, "gap_error": test - 0.1,
            "test_loss": 3 * test, "gap_loss": 3 * test - 10**log,
        }))  # fmt: skip
    return pd.concat(actual, ignore_index=True)


class TestAlongCurves:
    A, B = (runs(flat, [(1, 1)], 4, optimizer=name) for name in "ab")

    def both(self):
        # at equal training loss, test errors differ by 0.02; the noise of a seed is equal in both
        metrics = stacked(
            curves(self.A, 0.1, lambda log, seed: 0.5 + 0.3 * log + 0.01 * seed),
            curves(
                self.B,
                0.17,
                lambda log, seed: 0.48 + 0.3 * log + 0.01 * seed + 0.001 * (-1) ** seed,
            ),
        )
        return stacked(self.A, self.B), metrics.sample(frac=1, random_state=0)

    def test_interpolation_is_exact_in_log_loss(self):
        values = along_curves(RunTable(*self.both()))
        of_a = values[(values["optimizer"] == "a") & (values["metric"] == "test_error")]
        expected = 0.5 + 0.3 * np.log10(of_a["train_loss"]) + 0.01 * of_a["seed"].astype(float)
        assert of_a["value"].to_numpy() == pytest.approx(expected.to_numpy())
        assert len(of_a) == 4 * LEVELS and set(values["metric"]) == set(MATCHED_METRICS)

    def test_levels_are_losses_that_all_runs_reach(self):
        levels = along_curves(RunTable(*self.both()))["train_loss"].unique()
        # The last loss of a; b continues to 10^-1.7.
        assert levels.min() == pytest.approx(2 * 10**-1.0)
        assert np.diff(np.log10(levels)) == pytest.approx(-1.0 / LEVELS)

    def test_means_and_paired_differences(self):
        values = along_curves(RunTable(*self.both()))
        table = matched(values)
        row = table[(table["optimizer"] == "a") & (table["metric"] == "gap_error")].iloc[-1]
        assert row["estimate"] == pytest.approx(0.5 + 0.3 * np.log10(0.2) + 0.015 - 0.1)
        gaps = matched_differences(values)
        gaps = gaps[gaps["metric"] == "test_error"]
        truth = stats.ttest_1samp(0.02 - 0.001 * np.array([1, -1, 1, -1]), 0).confidence_interval()
        assert gaps["estimate"].to_numpy() == pytest.approx(0.02)
        assert gaps["ci_low"].to_numpy() == pytest.approx(truth.low)
        assert gaps["ci_high"].to_numpy() == pytest.approx(truth.high)
        assert set(zip(gaps["a"], gaps["b"], gaps["n"], strict=True)) == {("a", "b", 4)}

    def test_a_loss_that_rises_again_counts_where_it_was_first_reached(self):
        metrics = pd.DataFrame({
            "run_id": self.A["run_id"].iloc[0], "step": range(5), "train_loss": [1, 0.1, 0.5, 0.01, 0.5],
            "test_error": [0.9, 0.5, 0.1, 0.3, 0.1], **dict.fromkeys(MATCHED_METRICS[1:], 0.0),
        })  # fmt: skip
        values = along_curves(RunTable(self.A.iloc[:1], metrics))
        got = values[values["metric"] == "test_error"].set_index("train_loss")["value"]
        # levels are 10^-0.25, 10^-0.5 …: the fourth is 0.1, the sixth is between 0.5 and 0.01
        assert got.iloc[3] == pytest.approx(0.5)
        part = (np.log10(0.5) + 1.5) / (np.log10(0.5) + 2)
        assert got.iloc[5] == pytest.approx(0.1 + 0.2 * part)

    def test_only_completed_runs_of_the_best_setting_count(self):
        frame = runs(
            lambda x, y: np.where(x > 0, NAN, 0.3 - 0.1 * x), grid(lr=[0.1, 1, 10], wd=[1]), 3
        )
        values = along_curves(RunTable(frame, curves(frame, 0.1, lambda log, seed: 0.5 + log)))
        assert len(values) == 3 * LEVELS * len(MATCHED_METRICS)

    def test_runs_without_a_common_loss_have_no_rows(self):
        low = curves(self.B, 0.1, lambda log, seed: log).assign(
            train_loss=lambda m: m["train_loss"] / 1e6
        )
        both = stacked(self.A, self.B)
        values = along_curves(
            RunTable(both, stacked(curves(self.A, 0.1, lambda log, seed: log), low))
        )
        assert values.empty and matched(values).empty and matched_differences(values).empty
        assert along_curves(RunTable(without_val(runs(flat, grid())), low)).empty
        assert (
            along_curves(RunTable(both.iloc[:0], low)).empty
            and along_curves(RunTable(both, low.iloc[:0])).empty
        )


class TestOverSettings:
    @staticmethod
    def line(name: str, height: float, log, seeds=3, noise=0.0) -> pd.DataFrame:
        """Settings whose final training loss is 10^log and test error a line in it."""
        frame = runs(flat, grid(), seeds, optimizer=name)
        logs = log(np.log10(frame["lr"].to_numpy()) + 0.1 * np.log10(frame["wd"].to_numpy()))
        seed = frame["seed"].to_numpy(float)
        rng = np.random.default_rng(len(name))
        test = height + 0.1 * logs + 0.01 * seed + noise * rng.normal(size=len(logs))
        return frame.assign(
            train_loss=10**logs,
            test_error=test,
            gap_error=test - 0.1,
            test_loss=test,
            gap_loss=test,
        )

    def test_a_line_is_fitted_exactly(self):
        frame = stacked(
            self.line("a", 0.5, lambda z: z), self.line("b", 0.4, lambda z: 2 * z - 0.5)
        )
        values = over_settings(RunTable(frame))
        a = values[(values["optimizer"] == "a") & (values["metric"] == "test_error")]
        expected = 0.5 + 0.1 * np.log10(a["train_loss"]) + 0.01 * a["seed"].astype(float)
        assert a["value"].to_numpy() == pytest.approx(expected.to_numpy()) and len(a) == 3 * LEVELS
        gap = matched_differences(values).query("metric == 'gap_error'")
        assert gap["estimate"].to_numpy() == pytest.approx(0.1)

    def test_levels_lie_where_all_have_settings(self):
        a, b = self.line("a", 0.5, lambda z: z), self.line("b", 0.5, lambda z: z + 1)
        levels = np.log10(over_settings(RunTable(stacked(a, b)))["train_loss"])
        logs_a, logs_b = np.log10(a["train_loss"]), np.log10(b["train_loss"])
        assert levels.min() == pytest.approx(logs_b.quantile(0.05))
        assert levels.max() == pytest.approx(logs_a.quantile(0.95))
        assert over_settings(RunTable(stacked(a, self.line("b", 0.5, lambda z: z + 9)))).empty

    def test_a_difference_is_found_in_noise(self):
        frame = stacked(
            self.line("a", 0.5, lambda z: z, 5, 0.01), self.line("bb", 0.47, lambda z: z, 5, 0.01)
        )
        gap = matched_differences(over_settings(RunTable(frame))).query("metric == 'test_error'")
        covers = (gap["ci_low"] <= 0.03) & (gap["ci_high"] >= 0.03)
        assert covers.mean() >= 0.7 and gap["estimate"].to_numpy() == pytest.approx(0.03, abs=0.015)

    def test_clusters_of_settings_do_not_extrapolate(self):
        def two_clusters(z):
            return np.where(z > 0, 1.0, -1.0) + 1e-4 * z

        frame = stacked(
            self.line("a", 0.5, two_clusters, 3, 0.01), self.line("b", 0.5, lambda z: z)
        )
        of_a = over_settings(RunTable(frame)).query("optimizer == 'a' and metric == 'test_error'")
        assert of_a["value"].astype(float).between(0.3, 0.7).all()

    def test_few_settings_and_diverged_runs(self):
        few = runs(flat, grid(lr=[1, 10], wd=[1, 10]))
        assert over_settings(RunTable(few)).empty and over_settings(RunTable(few.iloc[:0])).empty
        line = self.line("a", 0.5, lambda z: z)
        diverged = self.line("a", 9.0, lambda z: z).assign(
            status="diverged", train_loss=NAN, lr=1e3
        )
        assert over_settings(RunTable(stacked(line, diverged))).equals(
            over_settings(RunTable(line))
        )
