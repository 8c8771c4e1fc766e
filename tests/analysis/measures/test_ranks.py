"""Mean ranks against a published example."""

import numpy as np
import pytest
from scipy import stats

from adamcmp.analysis import RunTable, ranks
from tests.support.gridded import one_setting, without_val

#: AUC of C4.5 and variants on 14 data sets: Demšar 2006, JMLR 7, Table 6. It ranks the row before
#: the last 4, 1, 2, 3: values that are printed as ties differ after the third digit.
DEMSAR = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.97501, 0.975], [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip


class TestRanks:
    def test_the_published_example(self):
        table = ranks(RunTable(one_setting(1 - DEMSAR))).set_index("optimizer")
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
        left = columns - effect  # the mean rank is the same on every problem
        return stats.f.sf((14 * effect @ effect / 3) / ((left**2).sum() / 39), 3, 39)

    def test_two_optimizers_are_a_sign_test(self):
        errors = [[0.1, 0.2]] * 6 + [[0.2, 0.1]]
        table = ranks(RunTable(one_setting(errors)))
        assert table["p_value"].iloc[0] == pytest.approx(stats.binomtest(1, 7).pvalue)
        assert table["ci_low"].isna().all() and table["ci_high"].isna().all()
        assert ranks(RunTable(one_setting([[0.1, 0.1]] * 3)))["p_value"].iloc[0] == 1

    def test_an_optimizer_that_diverged_on_every_seed_ranks_last(self):
        nan = float("nan")  # a diverged run counts with the error of the worst completed one, 0.9
        table = ranks(RunTable(one_setting([[0.9, nan], [nan, nan]]))).set_index("optimizer")
        assert table["estimate"].to_dict() == {"a": (1 + 1.5) / 2, "b": (2 + 1.5) / 2}

    def test_all_alike_and_all_in_one_order(self):
        assert ranks(RunTable(one_setting([[0.1, 0.1, 0.1]] * 3)))["p_value"].iloc[0] == 1
        table = ranks(RunTable(one_setting([[0.1, 0.2, 0.3]] * 5)))
        assert table["estimate"].tolist() == [1, 2, 3]
        # Five problems with one of six orders each: in 6 of the 6^5 outcomes all orders are equal.
        assert table["p_value"].iloc[0] == pytest.approx(6 / 6**5)

    @pytest.mark.parametrize(
        "frame",
        [
            one_setting([[0.1, 0.2]]),
            one_setting([[0.1], [0.2]]),
            one_setting([[0.1, 0.2]]).iloc[:0],
        ],
    )
    def test_one_problem_or_optimizer_gives_no_ranks(self, frame):
        assert ranks(RunTable(frame)).empty and ranks(RunTable(without_val(frame))).empty
