"""The selected settings with their mean and interval."""

import numpy as np
import pytest

from adamcmp import analysis
from adamcmp.analysis import RunTable
from tests.support.seeded_runs import A, B, at_setting, runs_from


class TestBestSettings:
    def test_mean_and_interval_over_seeds(self):
        table = analysis.best_settings(
            RunTable(runs_from([*at_setting("adamw", A), *at_setting("sgd", B, lr=0.2)]))
        )
        assert table["estimate"].tolist() == pytest.approx([np.mean(A), np.mean(B)])
        assert (table["ci_low"] < table["estimate"]).all() and table["n"].tolist() == [6, 6]
        assert table["lr"].tolist() == [0.1, 0.2] and table["fresh"].all()

    def test_intervals_are_clipped_to_the_range_of_the_metric(self):
        runs = runs_from(at_setting("sgd", [0.01, 0.9])).assign(gap_error=[0.01, 0.9])
        row = analysis.best_settings(RunTable(runs), "test_error").iloc[0]
        assert (row["ci_low"], row["ci_high"]) == (0, 1)
        assert analysis.best_settings(RunTable(runs), "gap_error")["ci_low"].item() < 0
