"""What a study needs next."""

import pandas as pd
import pytest

import adamcmp
from adamcmp.analysis import RunTable
from adamcmp.storage.looks import look_record
from adamcmp.workflows import rounds
from adamcmp.workflows.additions import StoredStudy
from adamcmp.workflows.rounds import _best_settings, _shared_evaluation_seeds, next_need
from tests.support.gridded import flat, runs, stacked
from tests.support.studies import THREE_STEPS

PROBLEM = "teacher, mlp"


def evaluation_seeds(*frames):
    """Return the evaluation seeds of hand-made runs, and the seeds of each best setting."""
    best = _best_settings(RunTable(stacked(*frames)))
    return _shared_evaluation_seeds(best), [setting.seeds for setting in best]


def with_seeds(frame, first):
    return frame.assign(seed=frame["seed"] + first, run_id=frame["run_id"] + f" {first}")


def test_evaluation_seeds_are_those_of_any_best_setting():
    """Seeds that selected a setting of any optimizer are none."""
    two = [(0.1, 0), (0.2, 0)]
    grid = runs(lambda x, y: x + 2, two, 3)
    evaluated = with_seeds(runs(lambda x, y: x + 2, two[:1], 5), 3)
    other = runs(lambda x, y: x + 2, two, 4, optimizer="sgd")
    seeds, (adamw, sgd) = evaluation_seeds(grid, evaluated, other)
    assert (seeds, adamw, sgd) == ({4, 5, 6, 7}, set(range(8)), set(range(4)))


def test_a_single_setting_was_not_selected():
    seeds, _ = evaluation_seeds(runs(flat, [(1, 1)], 3), runs(flat, [(1, 1)], 4, optimizer="sgd"))
    assert seeds == {0, 1, 2, 3}
    seeds, _ = evaluation_seeds(
        runs(flat, [(1, 1)], 3), runs(flat, [(1, 1), (2, 1)], 2, optimizer="sgd")
    )
    assert seeds == {2}


def test_a_setting_that_was_the_best_one_earlier():
    """Its evaluation seeds are not those of the present one."""
    grid = runs(lambda x, y: x + 2, [(0.1, 0), (0.2, 0), (0.3, 0)], 2)
    earlier = with_seeds(runs(lambda x, y: x + 2, [(0.2, 0)], 5), 2)
    assert evaluation_seeds(grid, earlier)[0] == frozenset()


@pytest.fixture
def study(results):
    """Two optimizers with one setting each, and five seeds: nothing else is needed."""
    grid = ["optimizer=adamw,sgd", "lr=1e-2", "wd=1e-2", "seeds=5", "study=e"]
    adamcmp.sweep([*THREE_STEPS, *grid])
    return StoredStudy.read(results / "e")


@pytest.mark.parametrize(("budget", "more"), [(100, 12), (24, 12), (23, 3), (6, 3), (5, 3)])
def test_seeds_settle_as_many_comparisons_as_the_budget_allows(study, budget, more, monkeypatch):
    """Those of the first one are named if the budget allows none."""
    needed = [(PROBLEM, 12), (PROBLEM, 3), (PROBLEM, 400)]
    monkeypatch.setattr(rounds, "_seeds_of_comparisons", lambda *arguments: needed)
    need = next_need(study, budget, record_look=True)
    assert need.runs == 2 * more and need.addition.seeds == {PROBLEM: range(5, 5 + more)}
    assert study.new_runs(need.addition) == need.runs


def test_undecided_comparisons_and_the_look_at_them(study, monkeypatch):
    row = {"problem": PROBLEM, "metric": "test_error", "a": "adamw", "b": "sgd", "n": 5}
    row |= {"compared_seeds": "0-4", "p_value": 0.1, "p_diverged": None, "equal": False}
    pairs = [("", 17.0), ("a", 9.0), ("", float("inf")), ("", 4.0)]
    table = pd.DataFrame([{**row, "better": better, "seeds_needed": n} for better, n in pairs])
    monkeypatch.setattr(rounds.analysis, "comparisons", lambda runs: table)
    assert list(rounds._seeds_of_comparisons(study.folder, False)) == [(PROBLEM, 12)]
    assert look_record([study.folder], [10]).looks == ()
    assert list(rounds._seeds_of_comparisons(study.folder, True)) == [(PROBLEM, 12)]
    assert {look.seeds for look in look_record([study.folder], [10]).looks} == {"0-4"}


def test_a_small_budget_gets_fewer_evaluation_seeds(results):
    grid = ["optimizer=adamw,sgd", "lr=1e-3,1e-2", "wd=1e-2", "seeds=1", "study=e"]
    adamcmp.sweep([*THREE_STEPS, *grid])
    study = StoredStudy.read(results / "e")
    seeds = {
        budget: rounds._evaluation_seeds(study, budget).seeds[PROBLEM]
        for budget in (1, 10, 15, 19, 20, 99)
    }
    assert {budget: len(each) for budget, each in seeds.items()} == {
        1: 5, 10: 5, 15: 7, 19: 9, 20: 10, 99: 10,
    }  # fmt: skip
    assert seeds[10] == (1, 2, 3, 4, 5)
