"""The jobs of a plan: started once, replaced if they end too early."""

import pytest

from adamcmp.errors import RunFailed
from adamcmp.execution.launched_jobs import launched_jobs
from adamcmp.execution.launchers import ClusterError, JobState, WorkerCommand
from adamcmp.execution.plan_jobs import MAX_REPLACEMENTS, PlanJobs, last_lines
from adamcmp.execution.queue_files import plan_file, remove_plan
from adamcmp.storage.folder import Folder
from tests.support.toy_launcher import ToyLauncher

PENDING, RUNNING, ENDED = (JobState(status, "Why") for status in ("pending", "running", "ended"))


class Plan:
    """A plan of ten runs, two jobs of which should be alive."""

    def __init__(self, folder, states):
        self.missing = 10
        self.files = Folder(folder)
        self.files.create(plan_file(1), b"")
        self.launcher = ToyLauncher(folder, [lambda _, state=state: state for state in states])
        self.jobs = self.attach()

    def attach(self):
        command = WorkerCommand("s", 1)
        return PlanJobs(self.files, self.launcher, command, 2, lambda: self.missing)

    @property
    def started(self):
        return len(self.launcher.commands)

    def recorded(self):
        return launched_jobs(self.files, 1).jobs


@pytest.fixture
def toy_plan(tmp_path):
    return lambda *states: Plan(tmp_path, states)


def test_jobs_are_started_once(toy_plan):
    plan = toy_plan(PENDING, RUNNING, RUNNING, RUNNING)
    assert plan.jobs.start() and plan.recorded() == ("1", "2")
    again = plan.attach()
    assert not again.start() and again.living == ["1", "2"]
    plan.launcher.known |= {"1": ENDED, "2": ENDED}
    third = plan.attach()
    assert third.start() and third.living == ["3", "4"] and plan.recorded() == ("1", "2", "3", "4")


def test_a_job_that_ended_is_replaced_while_runs_are_missing(toy_plan):
    plan = toy_plan(*[RUNNING] * 3)
    plan.jobs.start()
    plan.jobs.replace_ended()
    assert plan.started == 2
    plan.launcher.known["1"] = ENDED
    plan.jobs.replace_ended()
    assert plan.jobs.living == ["2", "3"] and plan.recorded() == ("1", "2", "3")
    plan.launcher.known |= {"2": ENDED, "3": ENDED}
    remove_plan(plan.files, 1)  # all runs are stored
    plan.jobs.replace_ended()
    assert plan.started == 3


def test_jobs_are_replaced_a_few_times_without_progress(toy_plan):
    plan = toy_plan(RUNNING, *[ENDED] * 9)
    plan.jobs.start()
    for _ in range(MAX_REPLACEMENTS + 3):
        plan.jobs.replace_ended()
    assert plan.started == 2 + MAX_REPLACEMENTS
    plan.missing -= 1
    plan.jobs.replace_ended()
    assert plan.started == 3 + MAX_REPLACEMENTS


def test_jobs_that_all_end_without_storing_a_run(toy_plan, tmp_path):
    plan = toy_plan(ENDED, ENDED)
    (tmp_path / "2.log").write_text("start\nadamcmp: There is no GPU.\nTraceback\n")
    plan.jobs.start()
    with pytest.raises(
        RunFailed, match=r"Job 2 \(Why\) wrote to .*2.log:\nadamcmp: There is no GPU.$"
    ):
        plan.jobs.replace_ended()


def test_jobs_whose_machines_were_lost_are_replaced_a_few_times(toy_plan):
    plan = toy_plan(*[JobState("ended", "its node has died", lost=True)] * 20)
    plan.jobs.start()
    for number in range(1, MAX_REPLACEMENTS + 1):
        plan.jobs.replace_ended()
        assert plan.started == 2 + 2 * number
    with pytest.raises(RunFailed, match="its node has died"):
        plan.jobs.replace_ended()


def test_jobs_that_someone_cancelled_are_not_replaced(toy_plan):
    plan = toy_plan(RUNNING, RUNNING)
    plan.jobs.start()
    plan.missing -= 1
    plan.launcher.cancel(["1"])
    plan.jobs.replace_ended()
    assert plan.started == 2
    plan.launcher.cancel(["2"])
    with pytest.raises(RunFailed, match="The jobs of plan 1 were cancelled"):
        plan.jobs.replace_ended()


def test_a_cluster_that_does_not_answer(toy_plan):
    """The jobs count as alive."""
    plan = toy_plan(RUNNING, RUNNING)
    plan.jobs.start()
    plan.launcher.down = True
    with pytest.raises(ClusterError):
        plan.jobs.replace_ended()
    assert plan.jobs.living == ["1", "2"]


def test_why_jobs_wait(toy_plan):
    plan = toy_plan(PENDING, PENDING)
    plan.jobs.start()
    plan.jobs.replace_ended()
    assert plan.jobs.waiting_reason == "Why"
    plan.launcher.known["1"] = RUNNING
    plan.jobs.replace_ended()
    assert plan.jobs.waiting_reason is None
    plan.launcher.known |= dict.fromkeys("12", JobState("pending"))
    plan.jobs.replace_ended()
    assert plan.jobs.waiting_reason is None


def test_jobs_that_have_not_begun_are_cancelled(toy_plan):
    plan = toy_plan(RUNNING, PENDING)
    plan.jobs.start()
    plan.jobs.cancel_waiting()
    assert [state.cancelled for state in plan.launcher.known.values()] == [False, True]


def test_the_last_lines_of_an_output(tmp_path):
    log = tmp_path / "log"
    assert last_lines(log) == "(no output)"
    log.write_text("\n".join("abcdefg"))
    assert last_lines(log) == "c\nd\ne\nf\ng"
