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
def plan(tmp_path):
    return lambda *states: Plan(tmp_path, states)


def test_jobs_are_started_once(plan):
    ours = plan(PENDING, RUNNING, RUNNING, RUNNING)
    assert ours.jobs.start() and ours.recorded() == ("1", "2")
    again = ours.attach()
    assert not again.start() and again.living == ["1", "2"]
    ours.launcher.known |= {"1": ENDED, "2": ENDED}
    third = ours.attach()
    assert third.start() and third.living == ["3", "4"] and ours.recorded() == ("1", "2", "3", "4")


def test_a_job_that_ended_is_replaced_while_runs_are_missing(plan):
    ours = plan(*[RUNNING] * 3)
    ours.jobs.start()
    ours.jobs.replace_ended()
    assert ours.started == 2
    ours.launcher.known["1"] = ENDED
    ours.jobs.replace_ended()
    assert ours.jobs.living == ["2", "3"] and ours.recorded() == ("1", "2", "3")
    ours.launcher.known |= {"2": ENDED, "3": ENDED}
    remove_plan(ours.files, 1)  # all runs are stored
    ours.jobs.replace_ended()
    assert ours.started == 3


def test_jobs_are_replaced_a_few_times_without_progress(plan):
    ours = plan(RUNNING, *[ENDED] * 9)
    ours.jobs.start()
    for _ in range(MAX_REPLACEMENTS + 3):
        ours.jobs.replace_ended()
    assert ours.started == 2 + MAX_REPLACEMENTS
    ours.missing -= 1
    ours.jobs.replace_ended()
    assert ours.started == 3 + MAX_REPLACEMENTS


def test_jobs_that_all_end_without_storing_a_run(plan, tmp_path):
    ours = plan(ENDED, ENDED)
    (tmp_path / "2.log").write_text("start\nadamcmp: There is no GPU.\nTraceback\n")
    ours.jobs.start()
    with pytest.raises(
        RunFailed, match=r"Job 2 \(Why\) wrote to .*2.log:\nadamcmp: There is no GPU.$"
    ):
        ours.jobs.replace_ended()


def test_jobs_that_someone_cancelled_are_not_replaced(plan):
    ours = plan(RUNNING, RUNNING)
    ours.jobs.start()
    ours.missing -= 1
    ours.launcher.cancel(["1"])
    ours.jobs.replace_ended()
    assert ours.started == 2
    ours.launcher.cancel(["2"])
    with pytest.raises(RunFailed, match="The jobs of plan 1 were cancelled"):
        ours.jobs.replace_ended()


def test_a_cluster_that_does_not_answer(plan):
    """The jobs count as alive."""
    ours = plan(RUNNING, RUNNING)
    ours.jobs.start()
    ours.launcher.down = True
    with pytest.raises(ClusterError):
        ours.jobs.replace_ended()
    assert ours.jobs.living == ["1", "2"]


def test_why_jobs_wait(plan):
    ours = plan(PENDING, PENDING)
    ours.jobs.start()
    ours.jobs.replace_ended()
    assert ours.jobs.waiting_reason == "Why"
    ours.launcher.known["1"] = RUNNING
    ours.jobs.replace_ended()
    assert ours.jobs.waiting_reason is None
    ours.launcher.known |= dict.fromkeys("12", JobState("pending"))
    ours.jobs.replace_ended()
    assert ours.jobs.waiting_reason is None


def test_jobs_that_have_not_begun_are_cancelled(plan):
    ours = plan(RUNNING, PENDING)
    ours.jobs.start()
    ours.jobs.cancel_waiting()
    assert [state.cancelled for state in ours.launcher.known.values()] == [False, True]


def test_the_last_lines_of_an_output(tmp_path):
    log = tmp_path / "log"
    assert last_lines(log) == "(no output)"
    log.write_text("\n".join("abcdefg"))
    assert last_lines(log) == "c\nd\ne\nf\ng"
