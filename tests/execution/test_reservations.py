"""A share is trained by one living worker; what a worker has lost, it does not store."""

import itertools

import pytest

from adamcmp.errors import StoreError
from adamcmp.execution import liveness, queue_files, reservations
from adamcmp.execution.heartbeats import Heartbeat
from adamcmp.execution.plan_contents import PlanHeader, PlannedGroup
from adamcmp.execution.queue_files import (
    QUEUE,
    Share,
    create_lease,
    done_file,
    lease_holder,
    list_queue,
    plan_file,
    remove_plan,
)
from adamcmp.execution.reservations import RECENT_SECONDS, Reservations
from adamcmp.execution.stored_plans import encode_plan
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.memory_files import MemoryFiles
from tests.support.training_elsewhere import plan_of

LEASE, HOUR = 180.0, 3600.0
NUMBERS = itertools.count(1)


class Clock:
    """The clocks of all processes; moves only if a test sets it."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(reservations, "boot_time_clock", clock)
    for module in (liveness, queue_files):
        monkeypatch.setattr(module.time, "monotonic", clock)
    return clock


@pytest.fixture
def study(tmp_path):
    """A new study, in memory."""
    store = Store(MemoryFiles(tmp_path / "s"))
    store.open_for_training(CPU, [], {})
    return store


@pytest.fixture
def runs(specs):
    return specs(["seeds=6"])


@pytest.fixture
def worker(study):
    """Return the reservations of a new worker, whose heartbeats come when the test sends them."""
    beats = []

    def start(plans=(1,), grouping=lambda groups: [LaneGroup(group.specs) for group in groups]):
        beats.append(Heartbeat(study.files, LEASE, HOUR).__enter__())  # of its thread: never
        return Reservations(study, beats[-1], frozenset(plans), grouping)

    yield start
    for heartbeat in beats:
        if heartbeat.worker in list_queue(study.files).workers:
            heartbeat.__exit__()


def plan(study, runs, owner="", number=1):
    """Publish a plan with a share of each run."""
    shares = [[LaneGroup((run,))] for run in runs]
    study.files.create(plan_file(number), plan_of(shares, owner))


def store(study, reserved, groups):
    """Store the rows of groups, as the scheduler does."""
    rows = [{**spec.columns(), "status": "done"} for group in groups for spec in group.specs]
    run_ids = [row["run_id"] for row in rows]
    study.append(rows, [], (), reserved.attempts(run_ids))
    reserved.mark_stored(run_ids)


def ids(groups):
    return {spec.run_id for group in groups for spec in group.specs}


def dies(reserved):
    """End a worker without releasing its leases."""
    reserved.heartbeat.__exit__()


def beats(reserved):
    """Write a heartbeat: another number of runs causes one."""
    reserved.heartbeat.publish(next(NUMBERS), 0, None)


def test_two_workers_take_different_shares(study, runs, worker):
    plan(study, runs)
    first, second = worker(), worker()
    taken = [each.take() for _ in range(3) for each in (first, second)]
    assert sorted(len(groups) for groups in taken) == [1] * 6
    assert set().union(*map(ids, taken)) == {run.run_id for run in runs}
    assert first.take() == second.take() == []
    assert first.waiting_for_others and second.waiting_for_others


def test_the_owner_of_a_plan_takes_its_shares_in_order(study, runs, worker):
    owner = worker()
    plan(study, runs, owner.heartbeat.worker)
    assert [ids(owner.take()) for _ in runs] == [{run.run_id} for run in runs]


def test_helpers_begin_at_different_shares(study, runs, worker, monkeypatch):
    """So they seldom try to reserve the same one."""
    plan(study, runs, "someone")
    tried = []
    monkeypatch.setattr(
        reservations, "create_lease", lambda files, share, *_: bool(tried.append(share))
    )
    first = []
    for _ in range(9):
        worker().take()
        first.append(tried[-len(runs)])
    assert len({*first}) > 1 and len(tried) == 9 * len(runs)


def test_another_process_that_takes_a_share_at_the_same_moment(study, runs, worker, monkeypatch):
    plan(study, runs[:2])
    first, second = worker(), worker()
    listed = list_queue(study.files)
    assert first.take() and first.take()
    with monkeypatch.context() as patched:
        patched.setattr(reservations, "list_queue", lambda files: listed)
        assert second.take() == []


def test_a_completed_share(study, runs, worker):
    plan(study, runs[:2])
    first, second = worker(), worker()
    groups, others = first.take(), second.take()
    store(study, first, groups)
    assert list_queue(study.files).done and not first.has_reserved(ids(groups))
    assert first.take() == [] and first.waiting_for_others
    store(study, second, others)
    assert second.take() == [] and not second.waiting_for_others
    assert first.take() == [] and not first.waiting_for_others
    assert {*study.files.list(QUEUE)} == {
        f"{QUEUE}worker-{each.heartbeat.worker}.json" for each in (first, second)
    }


def test_a_share_is_done_once_all_of_its_runs_are_stored(study, runs, worker):
    groups = [LaneGroup((run,)) for run in runs[:2]]
    study.files.create(plan_file(1), plan_of([groups]))
    one = worker()
    assert ids(one.take()) == {run.run_id for run in runs[:2]}
    store(study, one, groups[:1])
    assert one.has_reserved([runs[1].run_id]) and list_queue(study.files).plans
    store(study, one, groups[1:])
    assert not list_queue(study.files).plans


def test_two_workers_complete_the_last_shares_at_once(study, runs, worker):
    """Each has listed the queue before the other one completed its share."""
    plan(study, runs[:2])
    first, second = worker(), worker()
    groups, others = first.take(), second.take()
    store(study, first, groups)
    store(study, second, others)
    assert list_queue(study.files).plans == [1]
    assert first.take() == [] and not list_queue(study.files).plans


def test_the_share_of_a_dead_worker(study, runs, worker):
    """Its stored runs are not trained again."""
    groups = [LaneGroup((run,)) for run in runs[:2]]
    study.files.create(plan_file(1), plan_of([groups]))
    dead, other = worker(), worker()
    dead.take()
    store(study, dead, groups[:1])
    assert other.take() == [] and other.waiting_for_others
    dies(dead)
    assert ids(other.take()) == {runs[1].run_id}
    assert list_queue(study.files).leases == {Share(1, 0): 2}
    assert lease_holder(study.files, Share(1, 0), 2) == other.heartbeat.worker
    dead.refresh()
    assert dead.losses == 1 and not dead.has_reserved([runs[1].run_id])


def test_a_worker_that_died_after_it_stored_its_share(study, runs, worker):
    """Another one notes that the share is done, and takes the next one."""
    plan(study, runs[:2])
    dead, other = worker(), worker()
    groups = dead.take()
    study.append([{**groups[0].specs[0].columns(), "status": "done"}], [])
    others = other.take()
    dies(dead)
    assert other.take() == [] and len(list_queue(study.files).done) == 1
    store(study, other, others)
    assert not list_queue(study.files).plans


def test_a_frozen_worker_stores_nothing(study, runs, worker, clock):
    """It wakes, writes a heartbeat, and then its group ends."""
    plan(study, runs[:1])
    frozen, other = worker(), worker()
    groups = frozen.take()
    assert other.take() == []
    clock.now += LEASE + 1
    beats(other)
    taken = other.take()
    assert ids(taken) == ids(groups)
    beats(frozen)
    frozen.refresh()
    assert frozen.losses == 1 and not frozen.has_reserved(ids(groups))
    other.refresh()
    store(study, other, taken)
    clock.now += RECENT_SECONDS + 1
    assert frozen.take() == [] and not frozen.waiting_for_others


def test_a_worker_that_was_not_replaced_while_it_was_frozen(study, runs, worker, clock):
    plan(study, runs[:1])
    frozen = worker()
    groups = frozen.take()
    clock.now += 10 * LEASE
    beats(frozen)
    frozen.refresh()
    assert frozen.losses == 0 and frozen.has_reserved(ids(groups))


def listings(monkeypatch):
    """Count the listings of the queue."""
    counted = []
    monkeypatch.setattr(
        reservations, "list_queue", lambda files: counted.append(files) or list_queue(files)
    )
    return counted


def test_a_share_is_chosen_from_the_list_that_was_made_before_rows_were_stored(
    study, runs, worker, clock, monkeypatch
):
    plan(study, runs[:3])
    one = worker()
    groups = one.take()
    counted = listings(monkeypatch)
    for waited, count in [(0, 2), (2, 3)]:
        counted.clear()
        one.refresh()
        store(study, one, groups)
        clock.now += waited
        groups = one.take()
        assert groups and len(counted) == count  # one of them after the lease was created


def test_the_queue_is_listed_at_least_every_two_heartbeats(study, runs, worker, clock):
    plan(study, runs[:1])
    one = worker()
    one.take()
    assert not one.refresh_is_due
    clock.now += 2 * HOUR + 1
    assert one.refresh_is_due


@pytest.mark.parametrize("standing", [True, False])
def test_a_removed_plan(standing, study, runs, worker):
    """The rows of a plan that ended with its process are not stored."""
    owner, helper = worker(), worker()
    plan(study, runs[:3], "" if standing else owner.heartbeat.worker)
    groups = helper.take()
    remove_plan(study.files, 1)
    helper.refresh()
    assert helper.losses == 1 and not helper.has_reserved(ids(groups))
    assert helper.take() == [] and not helper.waiting_for_others


def test_the_last_share_of_the_plan_of_this_process(study, runs, worker):
    """It removes the plan itself when it ends; another worker notes that its share is done."""
    owner, helper = worker(), worker()
    plan(study, runs[:2], owner.heartbeat.worker)
    groups, others = owner.take(), helper.take()
    store(study, helper, others)
    assert list_queue(study.files).done == {Share(1, 1)}
    assert owner.take() == [] and not owner.waiting_for_others
    store(study, owner, groups)
    state = list_queue(study.files)
    assert state.plans == [1] and state.done == {Share(1, 1)}
    assert owner.take() == [] and not owner.waiting_for_others


def test_attempts_are_those_of_the_plan(study, runs, worker):
    first = worker()
    header = PlanHeader((), share_runs=(2,), share_seconds=(1.0,))
    group = PlannedGroup(tuple(runs[:2]), {runs[0].run_id: 3, runs[1].run_id: 0})
    study.files.create(plan_file(1), encode_plan(header, [[group]]))
    groups = first.take()
    assert first.attempts(ids(groups)) == {runs[0].run_id: 3, runs[1].run_id: 0}


def test_runs_that_were_planned_without_groups(study, runs, worker):
    seen = []
    header = PlanHeader((), share_runs=(3,), share_seconds=(None,))
    planned = [PlannedGroup((run,), {run.run_id: 0}, grouped=False) for run in runs[:3]]
    study.files.create(plan_file(1), encode_plan(header, [planned]))
    one = worker(grouping=lambda groups: seen.extend(groups) or [LaneGroup(groups[0].specs)])
    assert ids(one.take()) == {run.run_id for run in runs[:3]}
    assert [len(group.specs) for group in seen] == [3] and not seen[0].grouped


def test_other_plans_are_left_alone(study, runs, worker):
    plan(study, runs[:1])
    plan(study, runs[1:2], number=2)
    assert ids(worker([2]).take()) == {runs[1].run_id}
    assert worker([3]).take() == [] and not worker([3]).waiting_for_others


def test_a_queue_that_cannot_be_written(study, runs, worker, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "file")

    plan(study, runs[:2])
    one = worker()
    groups = one.take()
    monkeypatch.setattr(study.files, "create", full)
    with pytest.raises(StoreError, match="No space left"):
        one.take()
    monkeypatch.setattr(study.files, "replace", full)
    with pytest.raises(StoreError, match="No space left"):
        one.mark_stored(ids(groups))


def test_a_lease_of_an_unknown_worker_is_taken_over(study, runs, worker):
    plan(study, runs[:1])
    create_lease(study.files, Share(1, 0), 1, "a-worker-of-long-ago")
    assert ids(worker().take()) == {runs[0].run_id}


def test_a_done_file_of_a_removed_plan_does_no_harm(study, runs, worker):
    study.files.create(done_file(Share(1, 0)), b"{}")
    plan(study, runs[:1], number=2)
    assert worker([1, 2]).take()


def test_a_plan_that_is_completed_between_listing_and_lease(study, runs, worker, monkeypatch):
    """The lease is given back: the plan was removed with its leases, which can be created again."""
    plan(study, runs[:2])
    late, fast = worker(), worker()
    create = reservations.create_lease

    def after_the_other(files, share, number, name):
        while name == late.heartbeat.worker and (groups := fast.take()):
            store(study, fast, groups)
        return create(files, share, number, name)

    monkeypatch.setattr(reservations, "create_lease", after_the_other)
    assert late.take() == [] and len(study.outcomes()) == 2
    assert not [name for name in study.files.list(QUEUE) if "worker" not in name]


def test_a_plan_that_is_removed_while_shares_of_dead_workers_are_examined(
    study, runs, worker, monkeypatch
):
    plan(study, runs[:3])
    dead, other = worker(), worker()
    for _ in range(3):
        assert dead.take()
    dies(dead)
    create = reservations.create_lease

    def remove_and_create(files, share, number, holder):
        remove_plan(files, 1)
        return create(files, share, number, holder)

    monkeypatch.setattr(reservations, "create_lease", remove_and_create)
    assert other.take() == []
    assert not [name for name in study.files.list(QUEUE) if "lease" in name]
