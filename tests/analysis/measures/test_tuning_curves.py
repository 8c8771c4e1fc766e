"""Tuning curves against closed forms and against all possible draws."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcmp.analysis import RunTable, overtakes, tuning_curves
from adamcmp.analysis.measures.tuning_curves import expected_best, last_crossing
from adamcmp.analysis.setting_matrix import MIN_PENALTY
from tests.support.gridded import flat, grid, runs, stacked, without_val

NAN = float("nan")


class TestExpectedBest:
    @pytest.mark.parametrize("size", [1, 2, 7, 400])
    def test_the_least_of_k_of_the_first_integers(self, size):
        numbers = np.random.default_rng(0).permutation(np.arange(1.0, size + 1))
        k = np.arange(1, size + 1)
        assert expected_best(numbers, numbers) == pytest.approx((size + 1) / (k + 1))

    @settings(max_examples=30)
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=6))
    def test_it_is_the_mean_over_all_draws(self, pairs):
        val, test = np.array(pairs, float).T
        for k, expected in enumerate(expected_best(val, test), start=1):
            draws = [list(d) for d in combinations(range(len(val)), k)]
            best = [test[d][val[d] == val[d].min()].mean() for d in draws]
            assert expected == pytest.approx(np.mean(best))

    def test_it_is_unbiased_for_draws_from_a_distribution(self):
        rng = np.random.default_rng(0)
        drawn = rng.random((1500, 12))
        mean = np.mean([expected_best(d, d) for d in drawn], axis=0)
        assert mean == pytest.approx(1 / (np.arange(12) + 2), abs=0.01)  # E min of k uniforms


class TestTuningCurves:
    def test_trials_are_selected_on_validation_and_reported_on_test(self):
        frame = runs(flat, grid(lr=[0.1, 1.0], wd=[0.1]), 1)
        frame = frame.assign(val_error=[0.1, 0.2], test_error=[0.5, 0.3])
        assert tuning_curves(RunTable(frame))["estimate"].tolist() == pytest.approx([0.4, 0.5])

    def test_diverged_settings_are_penalized_trials(self):
        frame = runs(lambda x, y: np.where(x > 0, NAN, 0.2), grid(lr=[0.1, 10.0], wd=[1.0]))
        assert tuning_curves(RunTable(frame))["estimate"].tolist() == pytest.approx(
            [(0.2 + MIN_PENALTY) / 2, 0.2]
        )

    def test_the_worst_completed_run_sets_the_penalty(self):
        frame = runs(
            lambda x, y: np.where(x > 0, NAN, np.where(x < -1, 0.9, 0.2)),
            grid(lr=[0.01, 0.1, 10.0], wd=[1.0]),
        )
        assert tuning_curves(RunTable(frame))["estimate"].iloc[0] == pytest.approx(
            (0.9 + 0.9 + 0.2) / 3
        )

    def test_the_interval_is_over_seeds(self):
        table = tuning_curves(RunTable(runs(flat, grid(), 5, 0.01)))
        assert table["k"].tolist() == list(range(1, 50)) and (table["n"] == 5).all()
        assert (table["ci_low"] < table["estimate"]).all()
        assert tuning_curves(RunTable(runs(flat, grid(), 1, 0.01)))["ci_low"].isna().all()

    def test_evaluation_seeds_are_no_trials(self):
        frame = runs(flat, grid(), 3, 0.01)
        fresh = runs(flat, [(1.0, 1.0)], 9, 0.01)
        more = stacked(frame, fresh[fresh["seed"] >= 3])
        assert tuning_curves(RunTable(more)).equals(tuning_curves(RunTable(frame)))

    def test_settings_that_cannot_be_selected_have_no_curve(self):
        assert tuning_curves(RunTable(without_val(runs(flat, grid())))).empty
        assert tuning_curves(RunTable(runs(flat, grid()).iloc[:0])).empty
        assert overtakes(RunTable(runs(flat, grid()).iloc[:0])).empty


class TestOvertakes:
    def test_an_optimizer_that_needs_tuning_overtakes_later(self):
        # Best of k: a has 0.30 always, b 0.20 for one setting of four and 0.40 otherwise.
        four = grid(lr=[0.1, 1.0, 10.0, 100.0], wd=[1.0])
        b = runs(lambda x, y: np.where(x == 0, 0.2, 0.4), four, 4, 0.001, 1, "b")
        a = runs(flat, four, 4, 0.001, 2, "a")
        # the curve of b is 0.35, 0.30, 0.25, 0.20: equal at 2 trials, ahead from 3 on
        row = overtakes(RunTable(stacked(a, b))).iloc[0]
        assert (row["optimizer"], row["over"], row["n"]) == ("b", "a", 4)
        assert row["estimate"] in (2, 3) and row["ci_low"] <= 2 <= row["ci_high"] <= 3

    def test_ahead_at_every_budget(self):
        a, b = (
            runs(flat, grid(), 3, 0.001),
            runs(lambda x, y: flat(x, y) + 0.1, grid(), 3, 0.001, 1, "b"),
        )
        row = overtakes(RunTable(stacked(a, b))).iloc[0]
        assert row[["optimizer", "estimate", "ci_low", "ci_high"]].tolist() == ["adamw", 1, 1, 1]

    def test_an_insignificant_lead_has_an_infinite_interval(self):
        a, b = runs(flat, grid(), 3, 0.02), runs(flat, grid(), 3, 0.02, 1, "b")
        row = overtakes(RunTable(stacked(a, b))).iloc[0]
        assert row["ci_high"] == float("inf")

    def test_the_interval_covers_the_crossing(self):
        rng, k = np.random.default_rng(0), np.arange(1, 41)[:, None]
        truth = (20.5 - k) / 100  # below 0 from 21 on
        inside = 0
        for _ in range(300):
            noise = 0.02 * rng.normal(size=(1, 5)) + 0.02 * rng.normal(size=(1, 5)) * k / 40
            _, low, high = last_crossing(truth + noise)
            inside += low <= 21 <= high
        assert 0.93 <= inside / 300 <= 0.99
