"""Plans are written, worked on and cancelled."""

import math

import pytest

from adamcmp.errors import ConfigError, NotFound
from adamcmp.execution.executors import Serial
from adamcmp.execution.queue_files import QUEUE, Share, create_lease, list_queue
from adamcmp.storage.folder import Folder
from adamcmp.workflows import dry_run
from adamcmp.workflows.sweep import sweep
from adamcmp.workflows.training import TrainingOptions, no_display
from adamcmp.workflows.worker import (
    Cancelled,
    WorkerRequest,
    cancel,
    run_worker,
    write_plan,
)
from tests.support.studies import SMALL

GRID = [*SMALL, "steps=2", "engine=eager", "study=s"]


@pytest.fixture(autouse=True)
def checks_here(monkeypatch):
    """Check runs in this process instead of a new one."""
    monkeypatch.setattr(dry_run, "Pool", lambda workers, threads, on_start: Serial())


@pytest.fixture
def files(results):
    return Folder(results / "s")


def plan(*overrides, **options):
    return write_plan([*GRID, *overrides], None, TrainingOptions(**options))


@pytest.fixture
def train(results):
    """Train the open plans; return the result and the number of runs that is displayed."""

    def trained(*overrides, **options):
        displayed = []

        def display(runs):
            displayed.append(runs)
            return no_display(runs)

        result = run_worker(WorkerRequest(results, "s", overrides, **options), display)
        return result, displayed

    return trained


def test_a_plan_of_a_grid(files, results):
    written = plan("seed=range(4)")
    assert (written.number, written.runs, written.shares) == (1, 4, 4)
    assert written.folder == results / "s" and written.seconds > 0
    assert list_queue(files).plans == [1] and "runs" not in files.folders()


def test_runs_that_are_stored_are_not_planned(train, files):
    sweep([*GRID, "seed=0,1"])
    assert plan("seed=0,1").number is None and not files.list(QUEUE)
    assert plan("seed=0,1,2").runs == 1
    assert train()[0].trained == 1
    assert plan("seed=0,1", force=True).runs == 2


def test_the_same_plan_again(files):
    first = plan("seed=0,1")
    assert plan("seed=0,1") == first and list_queue(files).plans == [1]
    assert plan("seed=0,1,2").runs == 1 and list_queue(files).plans == [1, 2]
    with pytest.raises(ConfigError, match="1 of the runs are in plan 1 of study 's', which has 1"):
        plan("seed=0")


def test_a_search_has_no_plan(results):
    with pytest.raises(ConfigError, match="--plan-only needs a grid"):
        plan("lr=tag(log,interval(1e-3,1e-1))", "sampler=random", "n=4")
    assert not results.exists()


def test_a_run_that_cannot_be_trained_is_not_planned(results):
    with pytest.raises(ConfigError, match="batch_size=500"):
        plan("batch_size=500")
    assert not results.exists()


def test_a_worker_shows_the_runs_that_are_left(train):
    plan("seed=0,1,2")
    plan("seed=8")
    assert train("workers=0", plan=2)[1] == [1]
    result, displayed = train("workers=0", "checkpoint_every=5")
    assert displayed == [3] and (result.trained, result.left) == (3, 0)
    assert train()[1] == [0]


@pytest.mark.parametrize("minutes", [0.0, -1.0, math.nan])
def test_a_time_that_is_not_positive(minutes, train):
    plan("seed=0")
    with pytest.raises(ConfigError, match=r"--minutes .*should be greater than 0"):
        train(minutes=minutes)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr=0.1", "lr=0.1: `worker` keeps the study's settings and accepts only executor="),
        ("lr=0.1", r"^((?!lease_seconds|mixed_versions).)*$"),
        ("results=elsewhere", "name the results folder by --results elsewhere"),
        ("workers=-1", "workers=-1: should be at least 0"),
        ("lease_seconds=60", "lease_seconds=60: only the command that writes the plan can set"),
        (
            "mixed_versions=true",
            "mixed_versions=true: only the command that writes the plan can set",
        ),
        ("executor=slurm", "executor=slurm: a worker trains on its own machine"),
    ],
)
def test_settings_that_a_worker_does_not_have(override, message, train):
    plan("seed=0")
    with pytest.raises(ConfigError, match=message):
        train(override)


def test_no_such_study(results):
    for work in (lambda: cancel(results, "t"), lambda: run(results)):
        with pytest.raises(NotFound):
            work()
    assert not results.exists()


def run(results):
    return run_worker(WorkerRequest(results, "t"), lambda runs: no_display(runs))


def test_plans_are_cancelled(train, files, results):
    plan("seed=0,1")
    plan("seed=2")
    train(plan=2)
    create_lease(files, Share(1, 0), 1, "a worker")
    assert cancel(results, "s") == Cancelled((1,), 2, ())
    assert not files.list(QUEUE) and cancel(results, "s") == Cancelled((), 0, ())
    assert plan("seed=0,1").number == 3 and train()[0].trained == 2
