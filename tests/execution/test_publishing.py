"""Commands publish what they train, and leave to others what these train."""

from contextlib import contextmanager

import pytest

from adamcmp.config import Execution
from adamcmp.errors import ConfigError, Interrupted, RunFailed
from adamcmp.execution import publishing
from adamcmp.execution.execute import execute
from adamcmp.execution.heartbeats import Heartbeat, ProcessStatus, WorkerRecord
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import read_plan
from adamcmp.execution.publishing import Request, publish_standing
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
from adamcmp.execution.work import work
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import make_plan
from adamcmp.storage.columns import STATUSES
from adamcmp.storage.folder import Folder
from adamcmp.storage.store import Store
from tests.support.standing_plans import standing_plan, with_versions
from tests.support.studies import SMALL
from tests.support.training import crashing
from tests.support.training_elsewhere import plan_of, training_elsewhere

RUNS = [*SMALL, "steps=2", "engine=eager", "study=s"]


@pytest.fixture
def files(results):
    return Folder(results / "s")


@pytest.fixture
def sweep(composer):
    """Configure runs of study s."""
    return lambda *overrides: composer.sweep([*RUNS, *overrides])


@contextmanager
def ending_by(error):
    if error is None:
        yield
    else:
        with pytest.raises(error):
            yield


@pytest.mark.parametrize("error", [None, ConfigError, KeyboardInterrupt, Interrupted])
def test_the_plan_of_a_command_ends_with_it(error, sweep, files):
    planned = []

    def on_planned(plan, groups):
        state = list_queue(files)
        (worker,) = state.workers
        stored = read_plan(files, 1)
        assert stored.header.owner == worker and not stored.standing
        planned.extend(stored.stored.attempts().items())
        if error:
            raise error(2, "") if error is Interrupted else error("")

    with ending_by(error):
        execute(sweep("seed=0,1"), Observer(on_planned=on_planned))
    assert len(planned) == 2 and {attempt for _, attempt in planned} == {0}
    assert not files.list(QUEUE)


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
        on_planned=lambda *_: attempts.append(read_plan(files, 2).stored.attempts())
    )
    execute(sweep("seed=0,1,2"), observer, retrained_statuses=retrained)
    assert sorted(attempts[0].values()) == ([0, 1] if len(retrained) == 1 else [0, 1, 1])
    rows = Store(files).outcomes()
    assert {run_id: rows[run_id].attempt for run_id in attempts[0]} == attempts[0]


def test_the_plan_of_a_dead_process_is_removed(sweep, files, composer, specs):
    """Its runs are trained, although one of its shares was leased."""
    config = sweep("seed=0,1")
    runs = specs([*RUNS, "seed=0,1"])
    Store(files).open_for_training(runs[0].numerics, [], {})
    with training_elsewhere(files.path, runs) as heartbeat:
        content = files.read(f"{QUEUE}plan-000999.parquet")
        create_lease(files, Share(999, 0), 1, heartbeat.worker)
    files.create(f"{QUEUE}plan-000999.parquet", content)
    assert len(execute(config).trained) == 2
    assert not files.list(QUEUE)


@pytest.mark.parametrize("standing", [True, False])
def test_the_plan_of_a_process_of_another_machine_that_has_died(standing, sweep, files, specs):
    """It is waited for until its lease is over."""
    runs = [LaneGroup((spec,)) for spec in specs([*RUNS, "seed=0,1"])]
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


def test_a_command_adopts_a_standing_plan(sweep, files):
    plan = standing_plan(sweep("seed=0,1"))
    assert plan.standing and plan.number == 1
    own = []
    observer = Observer(on_planned=lambda *_: own.append(read_plan(files, 2)))
    assert len(execute(sweep("seed=0,1,2"), observer).trained) == 3
    assert own[0].header.runs == 1 and not files.list(QUEUE)


def test_a_command_that_adopts_everything_has_no_plan_of_its_own(sweep, files):
    standing_plan(sweep("seed=0,1"))
    numbers = []
    observer = Observer(on_planned=lambda *_: numbers.extend(list_queue(files).plans))
    assert len(execute(sweep("seed=0,1"), observer).trained) == 2
    assert numbers == [1] and not files.list(QUEUE)


def test_a_part_of_a_standing_plan_is_refused(sweep, files):
    standing_plan(sweep("seed=0,1,2"))
    before = {**files.list(""), **files.list(QUEUE)}
    with pytest.raises(ConfigError, match="Plan 1 of study 's' has 1 run of this command, and 2"):
        execute(sweep("seed=2,3"))
    assert {**files.list(""), **files.list(QUEUE)} == before


def test_the_same_standing_plan_again(sweep, files):
    first = standing_plan(sweep("seed=0,1"))
    again = standing_plan(sweep("seed=0,1"))
    assert again.number == first.number == 1 and list_queue(files).plans == [1]
    wider = standing_plan(sweep("seed=0,1,2"))
    assert wider.number == 2 and wider.header.runs == 1


def test_the_same_standing_plan_with_mixed_versions(sweep, files):
    standing_plan(sweep("seed=0,1"))
    with pytest.raises(ConfigError, match=r"mixed_versions=true: plan 1 of study 's' .*cancel s"):
        standing_plan(sweep("seed=0,1", "mixed_versions=true"))
    assert list_queue(files).plans == [1]


def test_a_standing_plan_of_stored_runs(sweep, files):
    execute(sweep("seed=0,1"))
    assert standing_plan(sweep("seed=0,1")) is None and not files.list(QUEUE)
    again = standing_plan(sweep("seed=0,1"), retrained_statuses=("done",))
    assert {*again.stored.attempts().values()} == {1}


def test_runs_that_a_process_trains_are_in_no_standing_plan(sweep, files, specs):
    runs = specs([*RUNS, "seed=0,1"])
    with (
        training_elsewhere(files.path, runs[:1]),
        pytest.raises(ConfigError, match=r"Process .* is training 1 run of these.*worker s"),
    ):
        standing_plan(sweep("seed=0,1"))


def test_runs_without_known_times_are_grouped_by_the_workers(sweep):
    plan = standing_plan(sweep("seed=0,1,2"), measured=False)
    assert plan.header.ungrouped_runs == plan.header.runs == 3
    assert not any(group.grouped for n in range(3) for group in plan.stored.share(n))
    (single,) = standing_plan(sweep("seed=7"), measured=False).stored.share(0)
    assert single.grouped


def test_a_command_whose_plan_is_cancelled(sweep, files):
    """What was stored before stays; the same command trains the rest."""

    def cancel(plan, groups):
        remove_plan(files, 1)

    with pytest.raises(RunFailed, match="2 runs were not trained, since their plan was cancelled"):
        execute(sweep("seed=0,1"), Observer(on_planned=cancel))
    assert not files.list(QUEUE) and len(execute(sweep("seed=0,1")).trained) == 2


def test_a_forced_command_whose_plan_is_cancelled(sweep, files):
    """The rows of the first training do not count as those of the second."""
    execute(sweep("seed=0,1"))

    def cancel(plan, groups):
        remove_plan(files, 2)

    with pytest.raises(RunFailed, match="2 runs were not trained"):
        execute(sweep("seed=0,1"), Observer(on_planned=cancel), retrained_statuses=STATUSES)


def test_runs_that_are_stored_while_a_command_is_planned(sweep, files, monkeypatch):
    """Their plan is completed between the listing of plans and the reading of stored runs."""
    standing_plan(sweep("seed=0,1"))
    read, trained = publishing.unfinished, []

    def after_a_worker(*arguments):
        if not trained:
            trained.append(work(Store(files.path), Execution(), Observer()).trained)
        return read(*arguments)

    monkeypatch.setattr(publishing, "unfinished", after_a_worker)
    assert standing_plan(sweep("seed=0,1")) is None and trained == [2]


def test_heartbeats_of_a_command_with_short_leases(sweep, monkeypatch):
    intervals = []

    def heartbeat(files, lease_seconds, interval, hardware):
        intervals.append(interval)
        return Heartbeat(files, lease_seconds, interval, hardware)

    monkeypatch.setattr(publishing, "Heartbeat", heartbeat)
    execute(sweep("seed=0", "lease_seconds=1"))
    execute(sweep("seed=1", "lease_seconds=100"))
    assert intervals == [pytest.approx(1 / 3), 2.0]


def test_heartbeats_of_a_command_that_adopts_a_plan_with_short_leases(sweep, monkeypatch):
    """The workers of this plan take over shares after the length of its leases."""
    lengths = []

    def heartbeat(files, lease_seconds, interval, hardware):
        lengths.append(lease_seconds)
        return Heartbeat(files, lease_seconds, interval, hardware)

    standing_plan(sweep("seed=0", "lease_seconds=1"))
    monkeypatch.setattr(publishing, "Heartbeat", heartbeat)
    execute(sweep("seed=0,1", "lease_seconds=100"))
    assert lengths == [1.0]


def test_leases_of_removed_plans_are_removed(sweep, files):
    """A worker completed a share of a plan that was cancelled meanwhile."""
    standing_plan(sweep("seed=0,1"))
    create_lease(files, Share(1, 0), 1, "a worker")
    remove_plan(files, 1)
    files.create(done_file(Share(1, 0)), b"{}")
    create_lease(files, Share(1, 1), 1, "a worker")
    standing_plan(sweep("seed=0,1"))
    assert {*files.list(QUEUE)} == {plan_file(2)}


def test_a_standing_plan_of_other_versions_is_not_adopted(sweep, files):
    """As by a worker: other versions may compute other numbers."""
    plan = standing_plan(sweep("seed=0,1"))
    with_versions(files, plan, {"adamcmp": "0.0.1", "torch": "1.9"})
    with pytest.raises(ConfigError, match=r"Plan 1 of study 's' was made with adamcmp 0\.0\.1"):
        execute(sweep("seed=0,1,2"))
    assert {*files.list(QUEUE)} == {plan_file(1)} and not Store(files).outcomes()
    with_versions(files, plan, {"adamcmp": "0.0.1", "torch": "1.9"}, mixed_versions=True)
    assert len(execute(sweep("seed=0,1,2")).trained) == 3


def test_an_interrupted_command_publishes_no_standing_plan(sweep, files):
    plan = make_plan(config := sweep("seed=0"), None)
    with pytest.raises(Interrupted, match="nothing was planned"):
        publish_standing(Store(files), Request(config, plan, plan), lambda: 2, print)
    assert not files.list("")
