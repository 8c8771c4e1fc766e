"""The settings of an optimizer over shared seeds, with diverged runs penalized."""

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.setting_matrix import divergence_penalties, penalized, setting_matrices
from tests.support.seeded_runs import NAN, runs_from

ROWS = [(lr, seed) for lr in (0.1, 0.2, 0.3) for seed in (0, 1)]


def matrix(rows):
    (result,) = setting_matrices(RunTable(runs_from(rows)))
    return result


def test_values_have_a_row_per_setting_and_a_column_per_seed():
    result = matrix(("sgd", lr, seed, lr + seed / 100, 0.5) for lr, seed in ROWS)
    assert result.settings["lr"].tolist() == [0.1, 0.2, 0.3] and result.seeds == [0, 1]
    np.testing.assert_allclose(result.val, [[0.1, 0.11], [0.2, 0.21], [0.3, 0.31]])
    assert result.best == 0 and result.at_seeds(np.array([1])).val.shape == (3, 1)


def test_diverged_runs_have_the_penalty_and_rank_last():
    rows = [("sgd", lr, seed, lr, lr) for lr, seed in ROWS if (lr, seed) != (0.1, 1)]
    result = matrix([*rows, ("sgd", 0.1, 1, NAN, NAN, "diverged")])
    assert set(result.val[result.diverged]) == {result.penalty} == {0.5}
    assert result.order[-1] == result.settings["lr"].tolist().index(0.1)


def test_settings_without_a_shared_seed_and_evaluation_seeds_are_left_out():
    rows = [("sgd", lr, seed, lr, lr) for lr, seed in ROWS if (lr, seed) != (0.3, 1)]
    result = matrix([*rows, ("sgd", 0.1, 7, 0.1, 0.1)])
    assert result.settings["lr"].tolist() == [0.1, 0.2] and result.seeds == [0, 1]


def evaluated(rows, initial) -> RunTable:
    """Return a table whose runs have an error before training and an evaluation at the end."""
    runs = runs_from(rows)
    evaluations = [
        {"run_id": run_id, "step": step, "val_error": error, "test_error": error}
        for run_id in runs["run_id"]
        for step, error in ((0, initial), (100, 0.1))
    ]
    return RunTable(runs, pd.DataFrame(evaluations))


class TestDivergencePenalties:
    @pytest.mark.parametrize(("initial", "penalty"), [(0.9, 0.9), (0.3, 0.5)])
    def test_it_is_the_error_before_training_and_at_least_a_guess(self, initial, penalty):
        rows = [("sgd", 0.1, 0, 0.2, 0.2), ("sgd", 0.2, 0, NAN, NAN, "diverged")]
        table = evaluated(rows, initial)
        assert divergence_penalties(table, "val_error").to_dict() == {"sgd": penalty}
        assert penalized(table)["test_error"].tolist() == [0.2, penalty]

    @pytest.mark.parametrize(("worst", "penalty"), [(0.3, 0.5), (0.8, 0.8)])
    def test_without_evaluations_it_is_the_worst_completed_run(self, worst, penalty):
        runs = runs_from([("sgd", 0.1, 0, 0.2, 0.2), ("sgd", 0.2, 0, worst, worst)])
        assert divergence_penalties(RunTable(runs), "val_error").to_dict() == {"sgd": penalty}

    @pytest.mark.parametrize("with_evaluations", [True, False])
    def test_another_optimizers_bad_run_changes_no_value(self, with_evaluations):
        rows = [("sgd", lr, seed, lr, lr) for lr, seed in ROWS]
        rows += [("sgd", 0.9, seed, NAN, NAN, "diverged") for seed in (0, 1)]
        bad = [*rows, *(("adamw", 0.1, seed, 0.99, 0.99) for seed in (0, 1))]
        alone, beside = (
            next(
                setting_matrices(evaluated(r, 0.8) if with_evaluations else RunTable(runs_from(r)))
            )
            for r in (rows, bad)
        )
        assert alone.penalty == pytest.approx(0.8 if with_evaluations else 0.5)
        np.testing.assert_allclose(alone.val, beside.val)
        np.testing.assert_allclose(alone.test, beside.test)
