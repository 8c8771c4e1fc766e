"""The number of jobs follows from the predicted time, and that of processes from the cores."""

import pytest

from adamcmp.components.executors.ray import RaySettings
from adamcmp.components.executors.slurm import SlurmSettings
from adamcmp.config import Execution
from adamcmp.execution.job_count import job_count, jobs_of_plan, processes_per_worker
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.plan import make_plan
from adamcmp.planning.timings import Timings
from tests.conftest import CPU


def cluster(**settings):
    return SlurmSettings(name="slurm", **settings)


@pytest.mark.parametrize(
    ("execution", "settings", "threads", "processes"),
    [
        ({}, {}, 1, 1),
        ({}, {"cpus_per_task": 8}, 1, 8),
        ({}, {"cpus_per_task": 8}, 4, 2),
        ({}, {"cpus_per_task": 2}, 4, 1),
        ({}, {"cpus_per_task": 8, "gpus_per_node": 2}, 1, 1),
        ({"workers": 3}, {"cpus_per_task": 8, "gpus_per_node": 1}, 1, 3),
    ],
)
def test_processes(execution, settings, threads, processes):
    numerics = CPU.model_copy(update={"threads": threads})
    assert processes_per_worker(Execution(**execution), cluster(**settings), numerics) == processes


@pytest.mark.parametrize(
    ("seconds", "shares", "settings", "jobs"),
    [
        (10.0, 32, {}, 1),
        (4 * 1201.0, 32, {}, 2),
        (1e6, 4096, {}, 32),
        (1e6, 4096, {"jobs": 1000}, 209),
        (1e6, 20, {"jobs": 1000}, 5),
        # A job of 5 minutes trains for 4.
        (4 * 4 * 240.0, 32, {"timeout_min": 5}, 4),
        (4 * 1201.0, 32, {"timeout_min": 25}, 2),
        (1e6, 20, {"gpus_per_node": 2}, 3),
        (None, 20, {}, 5),
        (None, 1, {}, 1),
    ],
)
def test_jobs(seconds, shares, settings, jobs):
    """With four processes in each worker."""
    assert job_count(seconds, shares, cluster(**settings), 4) == jobs


def test_jobs_that_start_within_seconds():
    ray = RaySettings(name="ray", address="local")
    assert [job_count(seconds, 20, ray, 1) for seconds in (1.0, 60.0, 1e6)] == [1, 12, 20]


def test_the_jobs_of_a_plan_are_at_most_its_shares(composer):
    """Jobs with many processes each train several shares at once."""
    plan = make_plan(composer.sweep(["lr=logspace(1e-4,1e-1,100)", "steps=10"]), CPU)
    timings = dict.fromkeys(plan.run_kinds, Timings({1: 1.0}, 0.0))
    plan = plan.with_costs(CostModel(plan.run_kinds, timings))
    for cores, jobs in [(1, 32), (16, 2)]:
        ray = RaySettings(name="ray", address="local", num_cpus=cores)
        assert jobs_of_plan(plan, Execution(), ray) == jobs
