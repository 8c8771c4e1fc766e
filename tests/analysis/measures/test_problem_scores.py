"""The test scores of best settings, from which ranks and performance profiles follow."""

import numpy as np
import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.measures.problem_scores import problem_scores
from tests.support.gridded import one_setting, stacked


class TestProblemScores:
    def test_settings_are_selected_on_validation_and_diverged_seeds_are_penalized(self):
        frame = one_setting([[0.3, 0.2]])
        lucky = frame.assign(lr=0.5, val_error=0.9, test_error=0.0)  # best on test only
        both = stacked(frame, lucky.assign(run_id=lucky["run_id"] + "x"))
        assert problem_scores(RunTable(both)).loc["p0, m"].to_dict() == pytest.approx(
            {"a": 0.3, "b": 0.2}
        )
        frame.loc[0, ["status", "val_error", "test_error"]] = ["diverged", np.nan, np.nan]
        assert problem_scores(RunTable(frame)).loc["p0, m", "a"] == pytest.approx((0.3 + 0.5) / 2)

    def test_problems_that_lack_an_optimizer_are_left_out(self):
        frame = one_setting([[0.1, 0.2], [0.3, 0.2], [0.1, 0.3]])
        lacking = frame[~((frame["problem"] == "p1, m") & (frame["optimizer"] == "b"))]
        assert list(problem_scores(RunTable(lacking)).index) == ["p0, m", "p2, m"]
