"""Which plans are open, and which requested runs they leave."""

from pathlib import Path

import pytest

from adamcmp.errors import ConfigError, StoreError
from adamcmp.execution.heartbeats import ProcessStatus, WorkerRecord
from adamcmp.execution.open_plans import (
    available_runs,
    is_stored,
    open_plans,
    read_plan,
)
from adamcmp.execution.queue_files import (
    QUEUE,
    Share,
    create_lease,
    list_queue,
    plan_file,
)
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage.rows import RunRow
from tests.support.memory_files import MemoryFiles
from tests.support.training_elsewhere import plan_of

OWNER = WorkerRecord(ProcessStatus(7, "elsewhere", 2), 180.0)


@pytest.fixture
def files(tmp_path):
    return MemoryFiles(tmp_path / "s")


@pytest.fixture
def runs(specs):
    return specs(["seeds=6"])


def add(files, number, runs, owner=""):
    """Write a plan with a share of each run; return it as it is read."""
    files.create(plan_file(number), plan_of([[LaneGroup((run,))] for run in runs], owner))
    plan = read_plan(files, number)
    assert plan is not None and plan.standing is not bool(owner)
    return plan


def ids(runs):
    return frozenset(run.run_id for run in runs)


def test_a_plan_and_its_shares(files, runs):
    plan = add(files, 3, runs[:2])
    assert plan.shares == (Share(3, 0), Share(3, 1)) and plan.header.runs == 2
    assert read_plan(files, 4) is None


def test_an_attempt_or_a_later_one_is_stored():
    rows = {"a": RunRow(1, "done")}
    assert [is_stored("a", attempt, rows) for attempt in (0, 1, 2)] == [True, True, False]
    assert not is_stored("b", 0, rows)


def test_the_missing_runs_of_a_plan(files, runs):
    plan = add(files, 1, runs[:3])
    stored = {runs[0].run_id: RunRow(0, "failed"), runs[5].run_id: RunRow(0, "done")}
    assert plan.missing(stored) == ids(runs[1:3])


def test_plans_of_ended_processes_are_removed(files, runs):
    add(files, 1, runs[:1], "dead")
    add(files, 2, runs[1:2], "alive")
    add(files, 3, runs[2:3])
    create_lease(files, Share(1, 0), 1, "dead")
    create_lease(files, Share(3, 0), 1, "dead")
    plans = open_plans(files, list_queue(files), {"alive"})
    assert [plan.number for plan in plans] == [2, 3]
    state = list_queue(files)
    assert state.plans == [2, 3] and [*state.leases] == [Share(3, 0)]


def test_a_plan_that_is_removed_after_the_listing(files, runs):
    add(files, 1, runs)
    state = list_queue(files)
    files.delete(plan_file(1))
    assert open_plans(files, state, ()) == []


def test_a_damaged_plan_is_named(files):
    files.create(plan_file(1), b"no plan")
    with pytest.raises(StoreError, match=f"{QUEUE}plan-000001.parquet is damaged.*Delete it"):
        open_plans(files, list_queue(files), ())


def available(requested, plans, outcomes=(), living=()):
    return available_runs(
        ids(requested), plans, dict.fromkeys(living, OWNER), dict(outcomes), Path("s")
    )


def test_runs_of_a_living_process_are_left_to_it(files, runs):
    plan = add(files, 1, runs[:4], "w")
    stored = {runs[0].run_id: RunRow(0, "done")}
    result = available(runs[1:], [plan], stored, ["w"])
    assert result.run_ids == ids(runs[4:]) and not result.adopted
    assert result.planned == dict.fromkeys(ids(runs[1:4]), OWNER)


@pytest.mark.parametrize("requested", [slice(1, 4), slice(1, 6)])
def test_a_standing_plan_is_adopted_if_its_missing_runs_are_requested(requested, files, runs):
    plan = add(files, 1, runs[:4])
    stored = {runs[0].run_id: RunRow(0, "done")}
    result = available(runs[requested], [plan], stored)
    assert result.adopted == (plan,) and not result.planned
    assert result.run_ids == ids(runs[requested]) - ids(runs[:4])


def test_a_standing_plan_with_further_runs_is_refused(files, runs):
    plan = add(files, 8, runs[:4])
    with pytest.raises(ConfigError, match="Plan 8 of study 's' has 2 runs of this command, and 2"):
        available(runs[2:], [plan])


def test_plans_without_requested_runs_do_not_matter(files, runs):
    plans = [add(files, 1, runs[:2]), add(files, 2, runs[2:4], "w")]
    result = available(runs[4:], plans, (), ["w"])
    assert result.run_ids == ids(runs[4:]) and not result.adopted and not result.planned


def test_runs_to_train_again_are_in_no_plan_once_they_are_stored(files, runs):
    """With --force: the plan has the first attempt, which is stored."""
    plan = add(files, 1, runs[:2], "w")
    stored = {run.run_id: RunRow(0, "done") for run in runs[:2]}
    assert available(runs[:2], [plan], stored, ["w"]).run_ids == ids(runs[:2])


def test_several_plans(files, runs):
    plans = [add(files, 1, runs[:1]), add(files, 2, runs[1:3], "w"), add(files, 3, runs[3:5])]
    result = available(runs, plans, (), ["w"])
    assert result.adopted == (plans[0], plans[2]) and result.run_ids == ids(runs[5:])
    assert result.planned.keys() == ids(runs[1:3])
