"""Plans are written for workers, and cancelled."""

import pytest

from adamcmp.errors import ConfigError, NotFound
from adamcmp.execution.queue_files import QUEUE, Share, create_lease, list_queue
from adamcmp.storage.folder import Folder
from adamcmp.workflows.standing_plans import Cancelled, cancel
from adamcmp.workflows.sweep import sweep
from tests.support.standing_plans import GRID, plan, train

pytestmark = pytest.mark.usefixtures("checks_in_process")


@pytest.fixture
def files(results):
    return Folder(results / "s")


def test_a_plan_of_a_grid(files, results):
    written = plan("seed=range(4)")
    assert (written.numbers, written.runs, written.shares) == ((1,), 4, 4)
    assert written.folder == results / "s" and written.seconds > 0
    assert list_queue(files).plans == [1] and "runs" not in files.folders()


def test_runs_that_are_stored_are_not_planned(results, files):
    sweep([*GRID, "seed=0,1"])
    assert plan("seed=0,1").numbers == () and not files.list(QUEUE)
    assert plan("seed=0,1,2").runs == 1
    assert train(results)[0].trained == 1
    assert plan("seed=0,1", force=True).runs == 2


def test_the_same_plan_again(files):
    first = plan("seed=0,1")
    assert plan("seed=0,1") == first and list_queue(files).plans == [1]
    both = plan("seed=0,1,2")
    assert (both.numbers, both.runs, both.shares) == ((1, 2), 3, 3)
    with pytest.raises(
        ConfigError, match="Plan 1 of study 's' has 1 run of this command, and 1 other run"
    ):
        plan("seed=0")


def test_a_search_has_no_plan(results):
    with pytest.raises(ConfigError, match="--plan-only needs a grid"):
        plan("lr=tag(log,interval(1e-3,1e-1))", "sampler=random", "n=4")
    assert not results.exists()


def test_a_plan_for_workers_has_no_cluster(results):
    with pytest.raises(ConfigError, match=r"--plan-only starts no jobs\. .*executor=slurm"):
        plan("executor=slurm")
    assert not results.exists()


def test_a_run_that_cannot_be_trained_is_not_planned(results):
    with pytest.raises(ConfigError, match="batch_size=500"):
        plan("batch_size=500")
    assert not results.exists()


def test_no_such_study(results):
    with pytest.raises(NotFound):
        cancel(results, "t")
    assert not results.exists()


def test_plans_are_cancelled(files, results):
    plan("seed=0,1")
    plan("seed=2")
    train(results, plan=2)
    create_lease(files, Share(1, 0), 1, "a worker")
    assert cancel(results, "s") == Cancelled((1,), 2, ())
    assert not files.list(QUEUE) and cancel(results, "s") == Cancelled((), 0, ())
    assert plan("seed=0,1").numbers == (3,) and train(results)[0].trained == 2
