"""Two sets of runs by conditions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import adamcmp
from adamcmp.errors import ConfigError
from tests.support.seeded_runs import A, B, at_setting, runs_from


class TestCompare:
    RUNS = runs_from(
        [
            *at_setting("adamw", A, val=0.3), *at_setting("adamw", B, lr=0.2, val=0.4),
            *at_setting("sgd", B), *at_setting("sgd", A, lr=0.3, val=0.9),
        ]
    ).drop(columns="problem")  # fmt: skip

    def test_settings_are_selected_per_arm(self):
        row = adamcmp.compare(self.RUNS, "optimizer=adamw", "optimizer=sgd").iloc[0]
        assert row["estimate"] == pytest.approx(np.mean(A) - np.mean(B))
        assert (row["setting_a"], row["setting_b"]) == ("lr 0.1, wd 0", "lr 0.1, wd 0")
        assert row["settings_a"] == 2 and not row["fresh"]
        assert row["verdict"].startswith(
            "AdamW beats SGD on test error by 4.7 points (95 % interval "
        )
        columns = ["estimate", "ci_low", "ci_high", "p_value", "n", "verdict"]
        assert set(columns) <= set(row.index)

    def test_the_order_of_the_runs_does_not_matter(self):
        arms = ["optimizer=adamw", "lr=0.1"], "optimizer=sgd"
        shuffled = adamcmp.compare(self.RUNS.sample(frac=1, random_state=0), *arms)
        assert shuffled.equals(adamcmp.compare(self.RUNS, *arms))

    def test_several_conditions_and_one_optimizer_against_itself(self):
        table = adamcmp.compare(
            self.RUNS, ["optimizer=adamw", "lr=0.1"], ["optimizer=adamw", "lr=0.2"], "test_error"
        )
        assert table["a"].item() == "AdamW (lr=0.1)" and table["fresh"].item()
        assert table["verdict"].item().startswith("AdamW (lr=0.1) beats AdamW (lr=0.2)")
        again = adamcmp.compare(
            self.RUNS, ["optimizer==adamw", "lr=0.1"], ["optimizer=adamw", "lr=0.2"], "test_error"
        )
        assert again.equals(table)
        whole = adamcmp.compare(self.RUNS, "lr=0.1", "optimizer!=adamw")
        assert whole["a"].item() == "lr=0.1 (AdamW)" and whole["settings_a"].item() == 2

    @pytest.mark.parametrize(
        ("a", "metric", "message"),
        [
            ("optimizer=adamx", None, "optimizer holds adamw, sgd. Did you mean 'adamw'?"),
            ("optimzer=adamw", None, "no column 'optimzer'. Did you mean 'optimizer'?"),
            ("optimizer=adamw,lr=0.1", None, "Python takes a list"),
            ("optimizer==sgd", None, "a and of b select the same runs"),
            ("adamw", None, "write COLUMN=VALUE"),
            ("optimizer=adamw", "tets_error", "no metric 'tets_error'. Did you mean 'test_error'?"),
        ],
    )
    def test_invalid_conditions(self, a, metric, message):
        with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
            adamcmp.compare(self.RUNS, a, "optimizer=sgd", metric)

    def test_a_study_is_no_table_of_runs(self):
        with pytest.raises(ConfigError, match=r"such as adamcmp.load\(.first.\).runs, not a Study"):
            adamcmp.compare(adamcmp.Study(Path("s")), "optimizer=adamw", "optimizer=sgd")

    def test_several_problems_are_compared_one_by_one(self):
        easier = self.RUNS.assign(model="n", test_error=self.RUNS["test_error"] / 2)
        only_sgd = self.RUNS[self.RUNS["optimizer"] == "sgd"].assign(model="o")
        both = pd.concat([self.RUNS, easier, only_sgd])
        table = adamcmp.compare(both, "optimizer=adamw", "optimizer=sgd")
        assert table["problem"].tolist() == ["d, m", "d, n"]
        difference = np.mean(A) - np.mean(B)
        assert table["estimate"].tolist() == pytest.approx([difference, difference / 2])
        alone = adamcmp.compare(easier, "optimizer=adamw", "optimizer=sgd")
        pd.testing.assert_frame_equal(table[1:].reset_index(drop=True), alone)

    def test_arms_of_different_problems(self):
        other = self.RUNS.assign(model="n", run_id="n" + self.RUNS["run_id"])
        both = pd.concat([self.RUNS, other])
        with pytest.raises(ConfigError, match=r"no problem in common. Arm a: d, m. Arm b: d, n."):
            adamcmp.compare(both, "model=m", "model=n")
        with pytest.raises(ConfigError, match="no runs to compare"):
            adamcmp.compare(self.RUNS[:0], "optimizer=adamw", "optimizer=sgd")
