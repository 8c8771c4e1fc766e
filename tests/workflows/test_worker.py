"""Workers train what other commands have planned."""

import math

import pytest

from adamcmp.errors import ConfigError, NotFound
from adamcmp.workflows.training import no_display
from adamcmp.workflows.worker import WorkerRequest, run_worker
from tests.support.standing_plans import plan, train

pytestmark = pytest.mark.usefixtures("checks_in_process")


def test_a_worker_shows_the_runs_that_are_left(results):
    plan("seed=0,1,2")
    plan("seed=8")
    assert train(results, "workers=0", plan=2)[1] == 1
    result, displayed = train(results, "workers=0", "checkpoint_every=5")
    assert displayed == 3 and (result.trained, result.left) == (3, 0)
    assert train(results)[1] == 0


@pytest.mark.parametrize("minutes", [0.0, -1.0, math.nan])
def test_a_time_that_is_not_positive(minutes, results):
    plan("seed=0")
    with pytest.raises(ConfigError, match=r"--minutes .*should be greater than 0"):
        train(results, minutes=minutes)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "lr=0.1",
            "lr=0.1: `adamcmp worker` keeps the study's settings and accepts only executor=",
        ),
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
def test_settings_that_a_worker_does_not_have(override, message, results):
    plan("seed=0")
    with pytest.raises(ConfigError, match=message):
        train(results, override)


def test_no_such_study(results):
    with pytest.raises(NotFound):
        run_worker(WorkerRequest(results, "t"), no_display)
    assert not results.exists()
