"""A command whose runs are trained by jobs, here by workers in the process of the test."""

import signal

import pytest

from adamcmp.cli import main
from adamcmp.config import Composer
from adamcmp.errors import ConfigError, Interrupted, RunFailed
from adamcmp.execution import cluster_training
from adamcmp.execution.execute import execute
from adamcmp.execution.executors import Serial
from adamcmp.execution.launched_jobs import record_jobs
from adamcmp.execution.launchers import ClusterError, JobState
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import read_plan
from adamcmp.execution.preview import preview
from adamcmp.execution.queue_files import list_queue, remove_plan
from adamcmp.storage.folder import Folder
from adamcmp.storage.store import Store
from tests.support.studies import SMALL
from tests.support.study_bits import assert_same_bits
from tests.support.toy_launcher import ToyLauncher, train

RUNS = [*SMALL, "seed=range(4)", "steps=3", "eval.every_steps=1", "engine=eager"]
CLUSTER = [*RUNS, "executor=slurm", "study=s"]


def idle(command):
    """A job that waits."""
    return JobState("pending", "Resources")


def crash(command):
    """A job that ends at once."""
    return JobState("ended", "Failed, exit code 2")


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Set what the jobs do; return their launcher."""
    for name in ("STORE_SECONDS", "JOB_SECONDS", "POLL_SECONDS"):
        monkeypatch.setattr(cluster_training, name, 0.0 if name == "JOB_SECONDS" else 0.001)

    def used(*actions):
        launcher = ToyLauncher(tmp_path, actions)

        def with_settings(files, cluster):
            launcher.settings = cluster
            return launcher

        monkeypatch.setattr(cluster_training, "study_launcher", with_settings)
        return launcher

    return used


def test_jobs_train_the_runs_of_a_command(composer, results, jobs):
    execute(composer.sweep([*RUNS, "study=serial"]))
    launcher = jobs(train)
    notices, finished = [], []
    executed = execute(
        composer.sweep([*CLUSTER, "executor.cpus_per_task=2"]),
        Observer(
            on_notice=notices.append,
            on_finished=lambda group, outcome: finished.extend(outcome.runs),
        ),
    )
    assert len(executed.trained) == 4 and not executed.jobs and not executed.failed
    assert [row["status"] for row in finished] == ["done"] * 4
    assert "Submitted by this command: job 1 of executor=slurm" in " ".join(notices)
    (command,) = launcher.commands
    assert command.study == str(results / "s")
    assert command.options == ("workers=2", "checkpoint_every=30")
    assert_same_bits(results / "s", results / "serial")


def test_the_same_command_waits_for_the_jobs_of_a_detached_one(composer, results, jobs):
    launcher = jobs(idle)
    detached = execute(composer.sweep(CLUSTER), detach=True)
    assert detached.jobs == ("1",) and not detached.trained
    assert "4 runs left for 1 job, which may have to wait (" in detached.jobs_message
    notices = []

    def on_notice(text):
        notices.append(text)
        if "by an earlier command" in text:
            launcher.known["1"] = train(launcher.commands[0])

    executed = execute(composer.sweep(CLUSTER), Observer(on_notice=on_notice))
    assert len(executed.trained) == 4 and len(launcher.commands) == 1


def test_what_jobs_need_of_the_command(composer, results, jobs, tmp_path):
    """Its folder of yaml files, and trust in the classes that it names."""
    launcher = jobs(idle, idle)
    custom = ["model=custom", "model.target=tests.support.pausing_net.PausingNet"]
    execute(composer.sweep([*CLUSTER, *custom]), detach=True)
    assert launcher.commands[0].options[2:] == ("--allow-code",)
    (tmp_path / "yamls").mkdir()
    with_folder = Composer("yamls").sweep([*CLUSTER, "study=t"])
    execute(with_folder, detach=True)
    assert launcher.commands[1].options[2:] == ("--config-dir", "yamls")


def test_jobs_that_wait_are_cancelled_once_all_runs_are_stored(composer, results, jobs):
    launcher = jobs(idle)
    execute(composer.sweep(CLUSTER), detach=True)
    launcher.known["2"] = JobState("pending")
    with Store(results / "s").locked():
        record_jobs(Folder(results / "s"), 1, launcher.settings, ["1", "2"])

    def on_notice(text):
        if "by an earlier command" in text:
            launcher.known["1"] = train(launcher.commands[0])

    execute(composer.sweep(CLUSTER), Observer(on_notice=on_notice))
    assert launcher.known["2"].cancelled and len(launcher.commands) == 1
    assert not [*results.glob("s/queue/*")]


def test_refused_jobs_leave_no_plan(composer, results, jobs):
    jobs()
    with pytest.raises(ClusterError, match="the cluster refuses jobs"):
        execute(composer.sweep(CLUSTER))
    assert list_queue(Folder(results / "s")).plans == []


def test_a_failed_check_writes_nothing(composer, results, jobs, monkeypatch):
    launcher = jobs(train)

    def refuse():
        raise ConfigError("no such partition")

    monkeypatch.setattr(launcher, "check", refuse)
    with pytest.raises(ConfigError, match="no such partition"):
        execute(composer.sweep(CLUSTER))
    assert not results.exists()


def test_an_interrupted_command_leaves_the_jobs(composer, results, jobs):
    jobs(idle)
    notices = []

    def on_notice(text):
        notices.append(text)
        if "Waiting: job 1" in text:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(
        Interrupted, match=r"4 runs left, which job 1 will go on to train .*adamcmp cancel s"
    ):
        execute(composer.sweep(CLUSTER), Observer(on_notice=on_notice))
    assert "Waiting: job 1 (Resources)" in notices
    assert list_queue(Folder(results / "s")).plans == [1]


def test_a_plan_that_is_cancelled_meanwhile(composer, results, jobs):
    jobs(idle)

    def on_notice(text):
        if "Waiting" in text:
            remove_plan(Folder(results / "s"), 1)

    with pytest.raises(RunFailed, match="4 runs not trained: the plan was cancelled"):
        execute(composer.sweep(CLUSTER), Observer(on_notice=on_notice))


def test_jobs_that_end_at_once(composer, results, jobs):
    jobs(crash)
    with pytest.raises(RunFailed, match=r"Job 1 \(Failed, exit code 2\)"):
        execute(composer.sweep(CLUSTER))


def test_a_plan_for_gpus_that_this_machine_lacks(composer, results, jobs):
    """The workers measure and group its runs."""
    jobs(*[idle] * 4)
    notices = []
    config = composer.sweep([*CLUSTER, "executor.gpus_per_node=1", "device=cuda"])
    execute(config, Observer(on_notice=notices.append), detach=True)
    assert "This machine has no GPU, so the jobs measure and group the runs." in notices
    plan = read_plan(Folder(results / "s"), 1)
    assert set(plan.header.share_seconds) == {None}
    groups = [group for share in plan.shares for group in plan.content.share(share.number)]
    assert not any(group.grouped for group in groups)
    assert {spec.numerics.device for group in groups for spec in group.specs} == {"cuda"}


def test_a_preview_needs_no_gpu_and_counts_the_processes_of_the_jobs(composer):
    gpu = ["executor.gpus_per_node=1", "device=cuda"]
    planned = preview(composer.sweep([*CLUSTER, *gpu]), Serial())
    assert len(planned.groups) == 4 and not planned.pending.costs.timings
    config = composer.sweep([*CLUSTER, "executor.cpus_per_task=3"])
    assert preview(config, Serial()).pending.costs.workers == 3


def test_jobs_that_end_with_the_command_cannot_be_left(composer, results, jobs, monkeypatch):
    launcher = jobs(idle)
    monkeypatch.setattr(type(launcher), "jobs_outlive_command", False)
    with pytest.raises(ConfigError, match="jobs of executor=slurm end with the command"):
        execute(composer.sweep(CLUSTER), detach=True)


def test_a_job_that_begins_after_the_last_run_is_stored(composer, results, jobs, capsys):
    jobs(train)
    execute(composer.sweep(CLUSTER))
    assert main(["worker", "s", "--plan", "1"]) == 0
    assert main(["worker", "s", "--plan", "9"]) == 2
    assert "no open plan 9" in capsys.readouterr().err
