"""Plans that end with their process: what it trains, and what it leaves to other processes."""

from contextlib import contextmanager

import pytest

from adamcmp.errors import ConfigError, Interrupted, RunFailed
from adamcmp.execution import attached_plans
from adamcmp.execution.execute import execute
from adamcmp.execution.heartbeats import Heartbeat
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import read_plan
from adamcmp.execution.queue_files import (
    QUEUE,
    Share,
    create_lease,
    list_queue,
    plan_file,
    remove_plan,
)
from adamcmp.storage.columns import STATUSES
from adamcmp.storage.store import Store
from tests.support.standing_plans import GRID, standing_plan, with_versions
from tests.support.training_elsewhere import training_elsewhere


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
        planned.extend(stored.content.attempts().items())
        if error:
            raise error(2, "") if error is Interrupted else error("")

    with ending_by(error):
        execute(sweep("seed=0,1"), Observer(on_planned=on_planned))
    assert len(planned) == 2 and {attempt for _, attempt in planned} == {0}
    assert not files.list(QUEUE)


def test_the_plan_of_a_dead_process_is_removed(sweep, files, composer, specs):
    """Its runs are trained, although one of its shares was leased."""
    config = sweep("seed=0,1")
    runs = specs([*GRID, "seed=0,1"])
    Store(files).open_for_training(runs[0].numerics, [], {})
    with training_elsewhere(files.path, runs) as heartbeat:
        content = files.read(f"{QUEUE}plan-000999.parquet")
        create_lease(files, Share(999, 0), 1, heartbeat.worker)
    files.create(f"{QUEUE}plan-000999.parquet", content)
    assert len(execute(config).trained) == 2
    assert not files.list(QUEUE)


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


def test_a_command_whose_plan_is_cancelled(sweep, files):
    """What was stored before stays; the same command trains the rest."""

    def cancel(plan, groups):
        remove_plan(files, 1)

    with pytest.raises(RunFailed, match="2 runs not trained: the plan was cancelled"):
        execute(sweep("seed=0,1"), Observer(on_planned=cancel))
    assert not files.list(QUEUE) and len(execute(sweep("seed=0,1")).trained) == 2


def test_a_forced_command_whose_plan_is_cancelled(sweep, files):
    """The rows of the first training do not count as those of the second."""
    execute(sweep("seed=0,1"))

    def cancel(plan, groups):
        remove_plan(files, 2)

    with pytest.raises(RunFailed, match="2 runs not trained"):
        execute(sweep("seed=0,1"), Observer(on_planned=cancel), retrained_statuses=STATUSES)


def test_heartbeats_of_a_command_with_short_leases(sweep, monkeypatch):
    intervals = []

    def heartbeat(files, lease_seconds, interval, hardware):
        intervals.append(interval)
        return Heartbeat(files, lease_seconds, interval, hardware)

    monkeypatch.setattr(attached_plans, "Heartbeat", heartbeat)
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
    monkeypatch.setattr(attached_plans, "Heartbeat", heartbeat)
    execute(sweep("seed=0,1", "lease_seconds=100"))
    assert lengths == [1.0]


def test_a_standing_plan_of_other_versions_is_not_adopted(sweep, files):
    """As by a worker: other versions may compute other numbers."""
    plan = standing_plan(sweep("seed=0,1"))
    with_versions(files, plan, {"adamcmp": "0.0.1", "torch": "1.9"})
    with pytest.raises(ConfigError, match=r"Plan 1 of study 's' was made with adamcmp 0\.0\.1"):
        execute(sweep("seed=0,1,2"))
    assert {*files.list(QUEUE)} == {plan_file(1)} and not Store(files).outcomes()
    with_versions(files, plan, {"adamcmp": "0.0.1", "torch": "1.9"}, mixed_versions=True)
    assert len(execute(sweep("seed=0,1,2")).trained) == 3
