"""What a command writes to the queue, and what it reads of other processes."""

import pytest

from adamcmp.execution.execute import execute
from adamcmp.execution.heartbeats import ProcessStatus, WorkerRecord
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import read_plan
from adamcmp.execution.queue_files import (
    QUEUE,
    Share,
    create_lease,
    done_file,
    list_queue,
    plan_file,
    remove_plan,
    worker_file,
)
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage.store import Store
from tests.support.standing_plans import GRID, standing_plan
from tests.support.training import crashing
from tests.support.training_elsewhere import plan_of


def test_plans_have_the_numbers_of_commands(sweep, files):
    numbers = []
    for seeds in ("seed=0", "seed=0,1", "seed=0,1", "seed=5"):
        observer = Observer(on_planned=lambda *_: numbers.extend(list_queue(files).plans))
        execute(sweep(seeds), observer)
    assert numbers == [1, 2, 3]  # nothing was left to plan for the third command
    assert len(Store(files).study_metadata()["asked"]) == 3


@pytest.mark.parametrize("retrained", [("failed",), ("done", "diverged", "failed")])
def test_attempts_of_runs_that_are_trained_again(retrained, sweep, files):
    with crashing(lambda run: run.protocol.seed == 0):
        execute(sweep("seed=0,1"))
    attempts = []
    observer = Observer(
        on_planned=lambda *_: attempts.append(read_plan(files, 2).content.attempts())
    )
    execute(sweep("seed=0,1,2"), observer, retrained_statuses=retrained)
    assert sorted(attempts[0].values()) == ([0, 1] if len(retrained) == 1 else [0, 1, 1])
    rows = Store(files).outcomes()
    assert {run_id: rows[run_id].attempt for run_id in attempts[0]} == attempts[0]


@pytest.mark.parametrize("standing", [True, False])
def test_the_plan_of_a_process_of_another_machine_that_has_died(standing, sweep, files, specs):
    """It is waited for until its lease is over."""
    runs = [LaneGroup((spec,)) for spec in specs([*GRID, "seed=0,1"])]
    Store(files).open_for_training(runs[0].specs[0].numerics, [], {})
    record = WorkerRecord(ProcessStatus(7, "elsewhere", 2), lease_seconds=0.3)
    files.create(worker_file("w"), record.encode())
    files.create(plan_file(1), plan_of([runs], "w"))
    if standing:
        assert standing_plan(sweep("seed=0,1")).number == 2
    else:
        assert len(execute(sweep("seed=0,1")).trained) == 2
    state = list_queue(files)
    assert state.plans == ([2] if standing else []) and not state.workers


def test_leases_of_removed_plans_are_removed(sweep, files):
    """A worker completed a share of a plan that was cancelled meanwhile."""
    standing_plan(sweep("seed=0,1"))
    create_lease(files, Share(1, 0), 1, "a worker")
    remove_plan(files, 1)
    files.create(done_file(Share(1, 0)), b"{}")
    create_lease(files, Share(1, 1), 1, "a worker")
    standing_plan(sweep("seed=0,1"))
    assert {*files.list(QUEUE)} == {plan_file(2)}
