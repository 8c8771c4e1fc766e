"""Performance profiles, calculated by hand."""

import pytest
from scipy import stats

from adamcmp.analysis import RunTable, performance_profiles
from tests.support.gridded import one_setting, without_val


class TestPerformanceProfiles:
    def test_shares_of_problems_by_hand(self):
        table = performance_profiles(
            RunTable(one_setting([[0.1, 0.2], [0.3, 0.2], [0.1, 0.1], [0.4, 0.1]]))
        )
        assert table["tau"].tolist() == pytest.approx([1, 1.5, 2, 4] * 2)
        assert table["estimate"].tolist() == [0.5, 0.75, 0.75, 1.0, 0.75, 0.75, 1.0, 1.0]
        expected = stats.binomtest(2, 4).proportion_ci(method="wilson")
        first = table.iloc[0]
        assert first[["ci_low", "ci_high"]].tolist() == pytest.approx([expected.low, expected.high])

    def test_an_error_of_0_is_only_matched_by_0(self):
        table = performance_profiles(RunTable(one_setting([[0.0, 0.2], [0.0, 0.0]]))).set_index(
            ["optimizer", "tau"]
        )
        assert table["estimate"].to_dict() == {("a", 1.0): 1.0, ("b", 1.0): 0.5}

    def test_an_optimizer_that_diverged_on_every_seed_does_not_work_there(self):
        nan = float("nan")
        frame = one_setting([[0.1, nan], [0.2, 0.1], [nan, nan], [0.6, nan]])
        table = performance_profiles(RunTable(frame)).set_index(["optimizer", "tau"])
        assert table["estimate"].to_dict() == {
            ("a", 1.0): 0.5, ("a", 2.0): 0.75, ("b", 1.0): 0.25, ("b", 2.0): 0.25
        }  # fmt: skip

    def test_an_optimizer_that_diverged_on_some_seeds_has_the_penalty(self):
        frame = one_setting([[0.1, 0.1], [0.1, 0.1]])
        frame.loc[(frame["problem"] == "p0, m") & (frame["optimizer"] == "b") & (frame["seed"] == 0),
                  ["status", "val_error", "test_error"]] = ["diverged", float("nan"), float("nan")]  # fmt: skip
        table = performance_profiles(RunTable(frame)).set_index(["optimizer", "tau"])
        assert table["estimate"].xs("b").tolist() == [0.5, 1.0]
        assert table.index.levels[1].tolist() == pytest.approx([1, (0.1 + 0.5) / 2 / 0.1])

    @pytest.mark.parametrize(
        "frame",
        [
            one_setting([[0.1, 0.2]]),
            one_setting([[0.1], [0.2]]),
            one_setting([[0.1, 0.2]]).iloc[:0],
        ],
    )
    def test_one_problem_or_optimizer_gives_no_profiles(self, frame):
        assert (
            performance_profiles(RunTable(frame)).empty
            and performance_profiles(RunTable(without_val(frame))).empty
        )
