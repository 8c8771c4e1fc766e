"""The open plans of a study, and who trains them."""

import pytest

from adamcmp.errors import StoreError
from adamcmp.execution.heartbeats import Heartbeat
from adamcmp.execution.queue_files import plan_file
from adamcmp.storage.folder import Folder
from adamcmp.workflows.queue_status import NO_QUEUE, PlanStatus, queue_status
from tests.support import standing_plans


def test_a_study_without_plans(results):
    assert queue_status(results / "s") == NO_QUEUE and NO_QUEUE.planned == 0


def test_plans_and_workers(results):
    standing_plans.plan("seed=0,1,2")
    (plan,) = queue_status(results / "s").plans
    assert plan == PlanStatus(1, runs=3, missing=3) and not queue_status(results / "s").processes
    files = Folder(results / "s")
    with Heartbeat(files, 180.0, 60.0) as heartbeat:
        heartbeat.publish(3, 1, 7.0)
        status = queue_status(results / "s")
        (process,) = status.processes
        assert (process.status.runs, process.status.done, process.silent_seconds) == (3, 1, 0.0)
        assert status.planned == 3
    assert not queue_status(results / "s").processes
    standing_plans.train(results)
    assert queue_status(results / "s") == NO_QUEUE


def test_a_damaged_plan(results):
    standing_plans.plan("seed=0")
    Folder(results / "s").replace(plan_file(1), b"damaged")
    with pytest.raises(StoreError, match=r"plan-000001\.parquet is damaged"):
        queue_status(results / "s")
