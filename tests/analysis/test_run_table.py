"""The table of runs: labels, sub-tables, and what is computed once."""

import pytest

from adamcmp.analysis import RunTable, audit, best_settings, budgets
from adamcmp.analysis.run_table import REQUIRED_COLUMNS
from adamcmp.errors import ConfigError
from adamcmp.storage.columns import RUN_COLUMNS
from tests.support.gridded import grid, runs, stacked

TWO = stacked(
    runs(lambda x, y: 0.2 + 0.01 * (x**2 + y**2), grid(), 2, 0.01),
    runs(lambda x, y: 0.3 + 0.01 * (x**2 + y**2), grid(), 2, 0.01, 1, "sgd"),
)
METRICS = TWO[["run_id", "train_loss"]].assign(step=0)


class TestLabels:
    def test_from_frames_adds_the_problem(self):
        assert RunTable.from_frames(TWO.drop(columns="problem")).problems == ("d, m",)

    def test_runs_without_a_problem_are_refused(self):
        with pytest.raises(ValueError, match="from_frames"):
            RunTable(TWO.drop(columns="problem"))

    def test_hand_made_runs_need_few_columns(self):
        few = TWO[[*REQUIRED_COLUMNS, "lr", "wd", "val_error", "test_error"]]
        table = RunTable.from_frames(few)
        assert set(RUN_COLUMNS) < set(table.runs) and table.runs["steps"].isna().all()
        assert [f.kind for f in audit(table) if f.severity == "warning"] == ["few seeds"]
        assert len(best_settings(table)) == len(budgets(table)) == 2

    def test_a_missing_column_is_named(self):
        with pytest.raises(ConfigError, match="no column seed, status"):
            RunTable.from_frames(TWO.drop(columns=["seed", "status", "problem"]))

    def test_the_frames_stay_unchanged(self):
        stored = TWO.drop(columns="problem")
        RunTable.from_frames(stored)
        assert "problem" not in stored


class TestOrder:
    def test_it_does_not_depend_on_which_run_finished_first(self):
        stored = stacked(TWO, TWO[TWO["optimizer"] == "sgd"].assign(optimizer="mine"))
        stored = stored.assign(run_id=[f"run{i}" for i in range(len(stored))])
        orders = [RunTable.from_frames(stored.sample(frac=1, random_state=i)) for i in range(3)]
        assert orders[0].optimizers == ("adamw", "sgd", "mine")
        for table in orders[1:]:
            assert table.runs.equals(orders[0].runs)
            assert [f.text for f in audit(table)] == [f.text for f in audit(orders[0])]
            assert best_settings(table).equals(best_settings(orders[0]))

    def test_problems_are_in_the_order_of_their_numbers(self):
        widths = [
            TWO.assign(**{"model.width": w, "run_id": f"{w}-" + TWO["run_id"]}) for w in (16, 8)
        ]
        table = RunTable.from_frames(stacked(*widths).drop(columns="problem"))
        assert table.problems == ("d, m, width 8", "d, m, width 16")


class TestSubTables:
    both = RunTable(stacked(TWO, TWO.assign(problem="e, m", run_id=TWO["run_id"] + "e")), METRICS)

    def test_of_one_problem(self):
        assert [p for p, _ in self.both.by_problem()] == ["d, m", "e, m"]
        assert len(self.both.of_problem("e, m").runs) == len(TWO)

    def test_metrics_are_those_of_the_runs(self):
        assert len(self.both.metrics) == len(METRICS)
        assert self.both.of_problem("e, m").metrics.empty

    def test_where_keeps_labels(self):
        some = self.both.where(self.both.runs["optimizer"] == "sgd")
        assert some.optimizers == ("sgd",) and some.problems == self.both.problems

    def test_measure(self):
        regression = stacked(TWO, TWO.assign(problem="e, m", test_error=float("nan")))
        table = RunTable(regression)
        assert (table.measure("d, m"), table.measure("e, m")) == ("error", "loss")


def test_selection_is_computed_once():
    table = RunTable(TWO)
    assert table.selected() is table.selected() and table.ranked() is table.ranked()
    assert table.summary is table.summary
    assert list(table.selected("coupling")["coupling"].unique()) == ["decoupled"]
