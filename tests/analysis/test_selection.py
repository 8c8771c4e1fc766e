"""How settings are selected, and which runs are reported."""

import pandas as pd
import pytest

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.selection import rank_settings
from adamcmp.errors import ConfigError
from adamcmp.storage.columns import RUN_COLUMNS
from tests.support.seeded_runs import runs_from

NAN = float("nan")


def runs_of(rows) -> pd.DataFrame:
    """Runs from (optimizer, lr, seed, val_error, test_error[, status])."""
    frame = pd.DataFrame(
        [
            {
                "run_id": f"{o}{lr}{seed}", "dataset": "d", "model": "m", "optimizer": o, "loss": "cross_entropy", "problem": "d, m",
                "lr": lr, "wd": 0.0, "seed": seed, "status": (rest or ["done"])[0], "val_error": val,
                "test_error": test, "train_error": test / 2, "train_loss": test * 2, "val_loss": val,
                "test_loss": test * 3, "gap_loss": test, "gap_error": test / 2, "optimizer.betas": [0.9, 0.99],
            }
            for o, lr, seed, val, test, *rest in rows
        ]
    )  # fmt: skip
    return frame.reindex(columns=dict.fromkeys([*frame.columns, *RUN_COLUMNS]))


RUNS = runs_of(
    [
        ("adamw", 0.1, 0, 0.30, 0.50), ("adamw", 0.1, 1, 0.32, 0.52),
        ("adamw", 0.2, 0, 0.40, 0.10), ("adamw", 0.2, 1, 0.40, 0.10),  # best on test only
        ("sgd", 0.1, 0, 0.50, 0.60), ("sgd", 0.1, 1, 0.54, 0.64),
        ("sgd", 0.2, 0, 0.10, 0.20), ("sgd", 0.2, 1, NAN, NAN, "diverged"),
    ]
)  # fmt: skip


class TestChoice:
    def test_settings_are_selected_on_validation_never_on_test(self):
        best = RunTable(RUNS).selected()
        assert set(best.loc[best["optimizer"] == "adamw", "lr"]) == {0.1}

    def test_a_setting_that_diverged_for_a_seed_is_worse(self):
        best = RunTable(RUNS).selected()
        assert set(best.loc[best["optimizer"] == "sgd", "lr"]) == {0.1}

    def test_without_validation_there_is_no_selection(self):
        blind = RUNS.assign(val_error=float("nan"), val_loss=float("nan"))
        with pytest.raises(
            ConfigError,
            match=r"no validation split to select on. Restrict it to one setting, such as lr=0.1",
        ):
            RunTable(blind).selected()
        assert len(RunTable(blind[blind["lr"] == 0.1]).selected()) == 4

    def test_without_validation_the_error_names_a_setting_that_varies(self):
        blind = RUNS.assign(val_error=float("nan"), val_loss=float("nan"), lr=0.0)
        blind["optimizer.momentum"] = [0.5, 0.9] * (len(RUNS) // 2)
        with pytest.raises(ConfigError, match=r"one setting, such as optimizer.momentum=0.5\.$"):
            RunTable(blind).selected()

    def test_failed_runs_are_not_selected(self):
        failed = RUNS.assign(status="failed")
        assert RunTable(failed).selected().empty and RunTable(failed).summary.empty


class TestSeeds:
    #: Two settings on seeds 0 and 1; the better one has ten evaluation seeds with bad results.
    STAGES = runs_from(
        [
            *((("adamw", 0.1, s, 0.30, 0.10)) for s in (0, 1)),
            *((("adamw", 0.2, s, 0.40, 0.20)) for s in (0, 1)),
            *((("adamw", 0.1, s, 0.90, 0.50 + s / 100)) for s in range(2, 12)),
        ]
    )

    def test_evaluation_seeds_do_not_rank_a_setting(self):
        ranks = RunTable(self.STAGES).ranked().groupby("lr")["rank"].first()
        assert ranks.to_dict() == {0.1: 0, 0.2: 1}
        assert analysis.selection_seeds(RunTable(self.STAGES)) == {0, 1}

    def test_only_evaluation_seeds_are_reported(self):
        best = RunTable(self.STAGES).selected()
        assert best["fresh"].all() and sorted(best["seed"]) == list(range(2, 12))
        row = RunTable(self.STAGES).summary.iloc[0]
        assert row["test_error"] == pytest.approx(0.565) and row["seeds"] == 10 and row["fresh"]
        assert row["settings"] == 2

    def test_one_evaluation_seed_is_too_few(self):
        few = self.STAGES[self.STAGES["seed"] < 3]
        best = RunTable(few).selected()
        assert not best["fresh"].any() and sorted(best["seed"]) == [0, 1, 2]

    def test_a_single_setting_needs_no_selection(self):
        best = RunTable(self.STAGES[self.STAGES["lr"] == 0.1]).selected()
        assert best["fresh"].all() and len(best) == 12

    def test_a_setting_that_crashed_on_a_seed_is_worse_and_shares_it(self):
        runs = self.STAGES.copy()
        runs.loc[(runs["lr"] == 0.1) & (runs["seed"] == 0), "status"] = "failed"
        best = RunTable(runs).selected()
        assert set(best["lr"]) == {0.2} and analysis.selection_seeds(RunTable(runs)) == {0, 1}

    def test_settings_without_a_common_seed_are_ranked_by_all_of_their_seeds(self):
        runs = runs_from([("sgd", 0.1, 0, 0.3, 0.3), ("sgd", 0.2, 1, 0.2, 0.2)])
        assert set(RunTable(runs).selected()["lr"]) == {0.2}

    def test_the_first_stage_and_the_whole_study_select_the_same_setting(self):
        first = self.STAGES[self.STAGES["seed"] < 2]
        assert set(RunTable(first).selected()["lr"]) == set(RunTable(self.STAGES).selected()["lr"])


class TestCandidates:
    """Ten settings on seeds 0 and 1. Those of lr 0.1 to 0.5 are candidates with seeds 2 to 4; on
    all five seeds, lr 0.2 is the best of them. It has evaluation seeds."""

    GRID = [("adamw", lr / 10, s, 0.2 + lr / 10, 0.5) for lr in range(1, 11) for s in (0, 1)]
    CANDIDATES = [
        ("adamw", lr / 10, s, val, 0.6)
        for lr, val in ((1, 0.5), (2, 0.3), (3, 0.35), (4, 0.9), (5, 0.9))
        for s in (2, 3, 4)
    ]
    EVALUATION = [("adamw", 0.2, s, 0.9, 0.8) for s in (5, 6, 7)]

    def ranks(self, *stages, require_evaluation=True):
        ranked = rank_settings(self.table(*stages), require_evaluation=require_evaluation)
        return dict(sorted(ranked.groupby("lr")["rank"].first().items()))

    def table(self, *stages):
        return RunTable(runs_from([row for rows in stages for row in rows]))

    def test_candidates_are_ranked_again_and_first(self):
        order = [0.2, 0.3, 0.1, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
        expected = {lr: rank for rank, lr in enumerate(order)}
        assert self.ranks(self.GRID, self.CANDIDATES, self.EVALUATION) == expected

    def test_only_evaluation_seeds_are_reported(self):
        best = self.table(self.GRID, self.CANDIDATES, self.EVALUATION).selected()
        assert best["fresh"].all() and sorted(best["seed"]) == [5, 6, 7]

    def test_before_the_evaluation_the_grid_decides_unless_it_is_asked_for(self):
        """So seeds that were added to several settings by hand select nothing."""
        stages = self.GRID, self.CANDIDATES
        assert (
            self.ranks(*stages)[0.1] == 0
            and self.ranks(*stages, require_evaluation=False)[0.2] == 0
        )
        assert sorted(self.table(*stages).selected()["seed"]) == [2, 3, 4]

    def test_a_better_setting_that_is_no_candidate_is_selected(self):
        """As after `extend` added a value beyond an edge."""
        better = [("adamw", 0.05, s, 0.1, 0.4) for s in (0, 1)]
        table = self.table(self.GRID, self.CANDIDATES, self.EVALUATION, better)
        assert set(table.selected()["lr"]) == {0.05}

    def test_seeds_of_two_settings_are_evaluation_seeds(self):
        """The earlier best setting has evaluation seeds too."""
        both = [("adamw", lr, s, 0.9, 0.8) for lr in (0.1, 0.3) for s in (2, 3)]
        assert self.ranks(self.GRID, both, [("adamw", 0.1, 4, 0.9, 0.8)])[0.1] == 0
        best = self.table(self.GRID, both, [("adamw", 0.1, 4, 0.9, 0.8)]).selected()
        assert sorted(best["seed"]) == [2, 3, 4]

    def test_a_candidate_that_diverged_is_behind_the_others(self):
        candidates = [
            (*row, "diverged") if row[1:3] == (0.2, 4) else row for row in self.CANDIDATES
        ]
        evaluation = [("adamw", 0.3, s, 0.9, 0.8) for s in (5, 6)]
        ranks = self.ranks(self.GRID, candidates, evaluation)
        assert (ranks[0.3], ranks[0.2]) == (0, 4)


def test_settings_are_selected_by_the_measure_of_the_runs():
    """On unbalanced data, predicting the frequent class has a small error, but no small mean of
    the classes' errors."""
    rows = [
        {"run_id": f"{lr}{seed}", "dataset": "d", "model": "m", "optimizer": "adamw", "lr": lr,
         "seed": seed, "status": "done", "val_error": error, "test_error": error,
         "val_balanced_error": balanced, "test_balanced_error": balanced}
        for lr, error, balanced in ((0.1, 0.05, 0.5), (0.2, 0.10, 0.1))
        for seed in range(3)
    ]  # fmt: skip
    for select, lr in ((None, 0.1), ("balanced_error", 0.2)):
        table = RunTable.from_frames(pd.DataFrame(rows).assign(select=select))
        assert set(table.selected()["lr"]) == {lr}
        (summary,) = analysis.best_settings(table).to_dict("records")
        assert summary["metric"] == f"test_{select or 'error'}"
        assert summary["estimate"] == pytest.approx(0.05 if select is None else 0.1)
