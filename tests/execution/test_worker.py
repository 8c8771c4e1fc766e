"""A worker trains the shares of open plans, and says why it does not."""

import itertools

import pytest

from adamcmp.config import Execution
from adamcmp.errors import ConfigError, Interrupted, StoreError
from adamcmp.execution import worker as worker_module
from adamcmp.execution.execute import execute
from adamcmp.execution.observer import NO_OBSERVER, Observer
from adamcmp.execution.open_plans import current_plans, read_plan
from adamcmp.execution.plan_contents import installed_versions
from adamcmp.execution.queue_files import (
    QUEUE,
    Share,
    create_lease,
    done_file,
    plan_file,
    remove_plan,
)
from adamcmp.execution.worker import WorkerResult, train_open_plans
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage.store import Store
from tests.support.standing_plans import standing_plan, with_versions
from tests.support.studies import SMALL
from tests.support.study_bits import assert_same_bits
from tests.support.training import crashing
from tests.support.training_elsewhere import plan_of, training_elsewhere

RUNS = [*SMALL, "steps=2", "eval.every_steps=1", "engine=eager"]
ALONE = Execution()


@pytest.fixture
def sweep(composer):
    return lambda *overrides, study="s": composer.sweep([*RUNS, f"study={study}", *overrides])


@pytest.fixture
def study(results):
    return Store(results / "s")


def test_a_worker_trains_a_standing_plan(sweep, study, results):
    execute(sweep("seed=range(4)", study="serial"))
    standing_plan(sweep("seed=range(4)"))
    finished = []
    observer = Observer(on_finished=lambda group, outcome: finished.extend(group.specs))
    assert train_open_plans(study, ALONE, observer) == WorkerResult(4, 0, 0)
    assert len(finished) == 4 and not study.files.list(QUEUE)
    (results / "s" / "queue").rmdir()
    assert_same_bits(results / "s", results / "serial")
    assert train_open_plans(study, ALONE, observer) == WorkerResult(0, 0, 0)


def test_failed_runs_count_as_trained(sweep, study):
    standing_plan(sweep("seed=0,1"))
    with crashing(lambda run: run.protocol.seed == 1):
        assert train_open_plans(study, ALONE, NO_OBSERVER) == WorkerResult(2, 1, 0)
    assert not study.files.list(QUEUE)


def test_attempts_of_a_plan(sweep, study):
    execute(sweep("seed=0,1"))
    standing_plan(sweep("seed=0,1,2"), retrained_statuses=("done",))
    assert train_open_plans(study, ALONE, NO_OBSERVER).trained == 3
    assert sorted(row.attempt for row in study.outcomes().values()) == [0, 1, 1]


def test_runs_without_times_are_measured_and_grouped(sweep, study, monkeypatch):
    widths = []

    def width(costs, specs):
        widths.append((len(specs), bool(costs.timings)))
        return len(specs)

    standing_plan(sweep("seed=range(4)"), measured=False)
    monkeypatch.setattr(CostModel, "width", width)
    monkeypatch.setattr("adamcmp.planning.specs.RunSpec.fuses", True)
    assert train_open_plans(study, ALONE, NO_OBSERVER).trained == 4
    assert widths and all(measured for _, measured in widths)


def test_one_of_several_plans(sweep, study):
    standing_plan(sweep("seed=0,1"))
    standing_plan(sweep("seed=2"))
    assert train_open_plans(study, ALONE, NO_OBSERVER, plan=2) == WorkerResult(1, 0, 0)
    assert [plan.number for plan in current_plans(study)] == [1]
    # It was completed before this worker started.
    assert train_open_plans(study, ALONE, NO_OBSERVER, plan=2) == WorkerResult(0, 0, 0)
    assert train_open_plans(study, ALONE, NO_OBSERVER).trained == 2


@pytest.mark.parametrize("number", [0, -1, 3])
def test_a_plan_that_does_not_exist(number, sweep, study):
    standing_plan(sweep("seed=0,1"))
    standing_plan(sweep("seed=2"))
    with pytest.raises(ConfigError, match=rf"has no open plan {number}\. Choose from: 1, 2\."):
        train_open_plans(study, ALONE, NO_OBSERVER, plan=number)


def test_no_plan_at_all(sweep, study):
    execute(sweep("seed=0"))
    with pytest.raises(ConfigError, match="has no open plan 5, and no other open plan"):
        train_open_plans(study, ALONE, NO_OBSERVER, plan=5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"adamcmp": "0.0.1", "torch": "1.9"},
            r"was made with adamcmp 0\.0\.1 \(here: [^,]*\), torch 1\.9 \(here: [^,]*\)\.",
        ),
        (
            {"training code": "0123456789abcdef"},
            r"was made with training code 0123456789abcdef \(here: \w*\)\.",
        ),
    ],
)
def test_other_versions_are_refused(changed, message, sweep, study):
    plan = standing_plan(sweep("seed=0,1"))
    versions = {**installed_versions(), **changed}
    with_versions(study.files, plan, versions)
    with pytest.raises(ConfigError, match=message):
        train_open_plans(study, ALONE, NO_OBSERVER)
    assert {*study.files.list(QUEUE)} == {plan_file(1)} and not study.outcomes()
    with_versions(study.files, plan, versions, mixed_versions=True)
    assert train_open_plans(study, ALONE, NO_OBSERVER).trained == 2


def test_mixed_versions_are_allowed_by_the_command_that_plans(sweep):
    assert standing_plan(sweep("seed=0", "mixed_versions=true")).header.mixed_versions
    assert not standing_plan(sweep("seed=1")).header.mixed_versions


def test_other_code_ends_a_worker(sweep, study, monkeypatch):
    """Its lease does not hold others up."""
    standing_plan(sweep("optimizer=adamw", "seed=0,1"))
    with monkeypatch.context() as other:
        other.setattr("adamcmp.components.optimizers.adam.Adam.revision", 7)
        with pytest.raises(StoreError, match=r"optimizer\.revision differs"):
            train_open_plans(study, ALONE, NO_OBSERVER)
    assert train_open_plans(study, ALONE, NO_OBSERVER).trained == 2


def test_the_time_is_over(sweep, study, monkeypatch):
    """A group that is being trained saves a checkpoint."""
    clock = itertools.count(0.0, 1.0)
    standing_plan(sweep("seed=range(5)"))
    with monkeypatch.context() as patched:
        patched.setattr(worker_module.time, "monotonic", lambda: next(clock))
        result = train_open_plans(study, ALONE, NO_OBSERVER, seconds=60.0)
    assert result.time_over and result.trained < 5 and result.left == 5 - result.trained
    assert not [name for name in study.files.list(QUEUE) if "worker-" in name]
    assert train_open_plans(study, ALONE, NO_OBSERVER).trained == result.left


def test_a_signal_is_an_error(sweep, study, monkeypatch):
    standing_plan(sweep("seed=0,1"))
    monkeypatch.setattr(worker_module, "_until", lambda interrupted, seconds: lambda: 15)
    with pytest.raises(Interrupted):
        train_open_plans(study, ALONE, NO_OBSERVER)
    assert {*study.files.list(QUEUE)} == {plan_file(1)}


def test_the_plan_of_a_process_that_trains(sweep, study, specs):
    """The worker takes the shares that the process has not; they end together."""
    runs = specs([*RUNS, "seed=0,1"])
    execute(sweep("seed=9"))
    shares = [[LaneGroup((run,))] for run in runs]
    with training_elsewhere(study.files.path) as owner:
        study.files.create(plan_file(999), plan_of(shares, owner.worker, lease_seconds=1.6))
        create_lease(study.files, Share(999, 0), 1, owner.worker)

        def finish(group, outcome):
            study.append([{**runs[0].columns(), "status": "done"}], [])
            study.files.replace(done_file(Share(999, 0)), b"{}")

        result = train_open_plans(study, ALONE, Observer(on_finished=finish))
        assert result == WorkerResult(1, 0, 0) and read_plan(study.files, 999)
    assert not study.files.list(QUEUE)


def test_a_plan_that_is_cancelled_meanwhile(sweep, study, monkeypatch):
    monkeypatch.setattr("adamcmp.execution.scheduler.FLUSH_SECONDS", 0.0)
    standing_plan(sweep("seed=range(3)"))
    observer = Observer(on_finished=lambda group, outcome: remove_plan(study.files, 1))
    result = train_open_plans(study, ALONE, observer)
    assert (result.trained + result.cancelled, result.left) == (3, 0) and result.cancelled


def test_plans_that_a_killed_worker_completed_are_removed(sweep, study):
    plan = standing_plan(sweep("seed=0,1"))
    for share in plan.shares:
        study.files.create(done_file(share), b"{}")
    assert current_plans(study) == [] and not study.files.list(QUEUE)


def test_a_damaged_plan(sweep, study):
    execute(sweep("seed=9"))
    study.files.create(plan_file(7), b"no plan")
    with pytest.raises(StoreError, match="is damaged"):
        train_open_plans(study, ALONE, NO_OBSERVER)
