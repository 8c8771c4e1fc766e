"""Runs that are added to a stored study, and their record."""

from dataclasses import replace

import pytest

import adamcmp
from adamcmp.analysis import Edge
from adamcmp.config import Composer, Execution
from adamcmp.errors import NotFound
from adamcmp.storage.metadata import last_addition
from adamcmp.workflows.additions import Addition, StoredStudy
from adamcmp.workflows.training import TrainingOptions, train
from tests.support.studies import THREE_STEPS

PROBLEM = "teacher, mlp"
EDGES = (Edge(PROBLEM, "adamw", "lr", 0.01, 0.1), Edge(PROBLEM, "adamw", "wd", 0.1, 1.0))


@pytest.fixture
def study(results):
    """Two optimizers, lr × wd with two seeds."""
    grid = ["optimizer=adamw,sgd", "lr=1e-3,1e-2", "wd=1e-2,1e-1", "seeds=2", "study=e"]
    adamcmp.sweep([*THREE_STEPS, *grid])
    return results / "e"


def settings(runs):
    return {(run.optimizer.lr, run.optimizer.weight_decay, run.protocol.seed) for run in runs}


def test_runs_beyond_edges_that_meet(study):
    added = Addition(edges=EDGES).runs(StoredStudy.read(study))
    cells = [(0.1, 0.01), (0.1, 0.1), (0.001, 1.0), (0.01, 1.0), (0.1, 1.0)]
    assert len(added) == 10 and {run.optimizer.name for run in added} == {"adamw"}
    assert settings(added) == {(*cell, seed) for cell in cells for seed in (0, 1)}


def test_runs_beyond_the_edges_of_a_grid_over_the_product(results):
    """They are those of a wider grid, bit for bit."""
    common = [*THREE_STEPS, "optimizer=adamw", "study=p"]
    adamcmp.sweep([*common, "lr=1e-3,3e-3", "lr_wd=1e-5,1e-4"])
    edges = (
        Edge(PROBLEM, "adamw", "lr", 3e-3, 1e-2, keeps_lr_wd=True),
        Edge(PROBLEM, "adamw", "lr_wd", 1e-4, 1e-3, keeps_lr_wd=True),
    )
    added = Addition(edges=edges).runs(StoredStudy.read(results / "p"))
    wider = Composer().sweep([*common, "lr=1e-3,3e-3,1e-2", "lr_wd=1e-5,1e-4,1e-3"]).runs
    stored = Composer().sweep([*common, "lr=1e-3,3e-3", "lr_wd=1e-5,1e-4"]).runs
    assert len(added) == 5 and set(added) == set(wider) - set(stored)


def test_an_addition_that_was_interrupted(study):
    """It is recorded, and any of its runs that ended do not change it."""
    addition, stored = Addition(edges=EDGES), StoredStudy.read(study)
    assert stored.missing_runs == 0 and stored.interrupted_addition() is None
    config = stored.config(addition, Execution(workers=0), ["settle e"])
    part = [run for run in config.runs if run.protocol.seed == 0 and run.optimizer.lr == 0.1]
    later = len(config.runs) - len(part)
    train(replace(config, runs=tuple(part), later_runs=later), TrainingOptions())
    stored = StoredStudy.read(study)
    assert last_addition(study) == addition.record() and stored.missing_runs == 7
    assert stored.interrupted_addition() == addition and stored.new_runs(addition) == 7
    assert settings(addition.runs(stored)) == settings(config.runs)
    # `extend` completes it too.
    assert adamcmp.extend("e").trained == 7
    assert StoredStudy.read(study).interrupted_addition() is None


def test_the_record_of_an_addition():
    addition = Addition(EDGES, {PROBLEM: (5, 6)})
    assert Addition.of_record(addition.record()) == addition
    assert Addition(seeds={PROBLEM: range(5, 7)}).record() == {"seeds": {PROBLEM: [5, 6]}}
    assert not Addition() and Addition().record() == {}


def test_seeds_of_candidates(study):
    stored = StoredStudy.read(study)
    run_id = stored.table.runs["run_id"].iloc[0]
    addition = Addition(candidate_seeds={run_id: (1, 7)})
    runs = addition.runs(stored)
    assert Addition.of_record(addition.record()) == addition
    assert {run.optimizer for run in runs} == {stored.configs[run_id].optimizer}
    assert [run.protocol.seed for run in runs] == [1, 7] and stored.new_runs(addition) == 1


def test_seeds_of_the_best_settings(study):
    stored = StoredStudy.read(study)
    addition = Addition(seeds={PROBLEM: (1, 7, 9)})
    runs = addition.runs(stored)
    best = stored.table.selected().drop_duplicates("optimizer")
    assert {(run.optimizer.name, run.optimizer.lr) for run in runs} == set(
        best[["optimizer", "lr"]].itertuples(index=False, name=None)
    )
    assert [run.protocol.seed for run in runs] == [1, 7, 9] * 2
    assert stored.new_runs(addition) == 4  # seed 1 is stored


def test_a_study_without_completed_runs(results):
    adamcmp.sweep([*THREE_STEPS, "optimizer=sgd", "lr=1e30,1e31", "seeds=1", "study=diverged"])
    with pytest.raises(NotFound, match="'diverged' has no completed run"):
        StoredStudy.read(results / "diverged")
