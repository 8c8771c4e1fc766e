"""Ranks against a published example, performance profiles by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from adamcmp.analysis import RunTable, performance_profiles, ranks
from adamcmp.analysis.measures.problem_scores import problem_scores
from tests.support.gridded import runs, stacked, without_val

#: AUC of C4.5 and variants on 14 data sets: Demšar 2006, JMLR 7, Table 6. It ranks the row before
#: the last 4, 1, 2, 3: what it prints as a tie differs after the third digit.
DEMSAR = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.97501, 0.975], [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip


def studies(errors, names="abcd") -> pd.DataFrame:
    """Runs of one setting with given errors, problems × optimizers."""
    return stacked(*(
        runs(lambda x, y, e=error: x * 0 + e, [(1, 1)], 2, optimizer=names[o], problem=f"p{p}, m")
        for p, row in enumerate(errors)
        for o, error in enumerate(row)
    ))  # fmt: skip


class TestRanks:
    def test_the_published_example(self):
        table = ranks(RunTable(studies(1 - DEMSAR))).set_index("optimizer")
        published = {"a": 3.143, "b": 2.000, "c": 2.893, "d": 1.964}
        assert table["estimate"].to_dict() == pytest.approx(published, abs=5e-4)
        assert table["critical_difference"].to_numpy() == pytest.approx(1.25, abs=5e-3)
        assert table["p_value"].iloc[0] == pytest.approx(self.of_ranks(), rel=1e-6)
        assert table.index[0] == "d" and (table["n"] == 14).all()
        assert (table["ci_high"] - table["ci_low"]).to_numpy() == pytest.approx(
            table["critical_difference"]
        )

    @staticmethod
    def of_ranks() -> float:
        """Iman & Davenport's test is the analysis of variance of the ranks, problems as blocks."""
        table = np.apply_along_axis(stats.rankdata, 1, 1 - DEMSAR)
        columns = table - table.mean()
        effect = columns.mean(axis=0)
        left = columns - effect  # every problem's ranks have the same mean
        return stats.f.sf((14 * effect @ effect / 3) / ((left**2).sum() / 39), 3, 39)

    def test_two_optimizers_are_a_sign_test(self):
        errors = [[0.1, 0.2]] * 6 + [[0.2, 0.1]]
        table = ranks(RunTable(studies(errors)))
        assert table["p_value"].iloc[0] == pytest.approx(stats.binomtest(1, 7).pvalue)
        assert table["ci_low"].isna().all() and table["ci_high"].isna().all()
        assert ranks(RunTable(studies([[0.1, 0.1]] * 3)))["p_value"].iloc[0] == 1

    def test_all_alike_and_all_in_one_order(self):
        assert ranks(RunTable(studies([[0.1, 0.1, 0.1]] * 3)))["p_value"].iloc[0] == 1
        table = ranks(RunTable(studies([[0.1, 0.2, 0.3]] * 5)))
        assert table["estimate"].tolist() == [1, 2, 3]
        # One of six orders, five times: of the 6^5 outcomes six are alike.
        assert table["p_value"].iloc[0] == pytest.approx(6 / 6**5)


class TestPerformanceProfiles:
    def test_shares_of_problems_by_hand(self):
        table = performance_profiles(
            RunTable(studies([[0.1, 0.2], [0.3, 0.2], [0.1, 0.1], [0.4, 0.1]]))
        )
        assert table["tau"].tolist() == pytest.approx([1, 1.5, 2, 4] * 2)
        assert table["estimate"].tolist() == [0.5, 0.75, 0.75, 1.0, 0.75, 0.75, 1.0, 1.0]
        expected = stats.binomtest(2, 4).proportion_ci(method="wilson")
        first = table.iloc[0]
        assert first[["ci_low", "ci_high"]].tolist() == pytest.approx([expected.low, expected.high])

    def test_an_error_of_0_is_only_matched_by_0(self):
        table = performance_profiles(RunTable(studies([[0.0, 0.2], [0.0, 0.0]]))).set_index(
            ["optimizer", "tau"]
        )
        assert table["estimate"].to_dict() == {("a", 1.0): 1.0, ("b", 1.0): 0.5}


class TestScores:
    def test_the_setting_is_chosen_on_validation_and_diverged_seeds_are_charged(self):
        frame = studies([[0.3, 0.2]])
        lucky = frame.assign(lr=0.5, val_error=0.9, test_error=0.0)  # best on test alone
        both = stacked(frame, lucky.assign(run_id=lucky["run_id"] + "x"))
        assert problem_scores(RunTable(both)).loc["p0, m"].to_dict() == pytest.approx(
            {"a": 0.3, "b": 0.2}
        )
        frame.loc[0, ["status", "val_error", "test_error"]] = ["diverged", np.nan, np.nan]
        assert problem_scores(RunTable(frame)).loc["p0, m", "a"] == pytest.approx((0.3 + 0.5) / 2)

    def test_problems_that_lack_an_optimizer_are_left_out(self):
        frame = studies([[0.1, 0.2], [0.3, 0.2], [0.1, 0.3]])
        lacking = frame[~((frame["problem"] == "p1, m") & (frame["optimizer"] == "b"))]
        assert list(problem_scores(RunTable(lacking)).index) == ["p0, m", "p2, m"]
        assert (ranks(RunTable(lacking))["n"] == 2).all()

    @pytest.mark.parametrize(
        "frame",
        [studies([[0.1, 0.2]]), studies([[0.1], [0.2]]), studies([[0.1, 0.2]]).iloc[:0]],
    )
    def test_one_problem_or_optimizer_ranks_nothing(self, frame):
        assert ranks(RunTable(frame)).empty and performance_profiles(RunTable(frame)).empty
        assert ranks(RunTable(without_val(frame))).empty
