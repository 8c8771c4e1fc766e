"""Workers as jobs of a real Slurm cluster of one machine."""

import logging
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from adamcmp.components.executors.slurm import SlurmSettings
from adamcmp.errors import ConfigError
from adamcmp.execution.launchers import ClusterError, JobState, WorkerCommand
from adamcmp.execution.launchers.slurm import SlurmLauncher
from tests.support import slurm_accounting, slurm_cluster
from tests.support.required import require
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Toy(WorkerCommand):
    """A program that takes the place of a worker."""

    program: tuple[str, ...] = ()

    @property
    def argv(self):
        return list(self.program)


def shell(script):
    return Toy("s", 1, program=("bash", "-c", script))


def launcher(tmp_path, **settings):
    return SlurmLauncher(SlurmSettings(name="slurm", timeout_min=1, **settings), tmp_path / "jobs")


def ended(launcher, jobs, seconds=120):
    """Wait for the end of jobs; return their states."""

    def states():
        current = launcher.states(jobs)
        return current if all(state.status == "ended" for state in current.values()) else None

    return wait_until(states, seconds, 0.2)


def test_an_array_of_jobs(slurm, tmp_path):
    """Each runs the command, with its output in a file; any launcher knows how they ended."""
    started = launcher(tmp_path, partition="debug", setup=("export GREETING=hello",))
    started.check()
    script = "echo $GREETING $OMP_NUM_THREADS $PWD; [[ $SLURM_ARRAY_TASK_ID == 0 ]] || exit 2"
    jobs = started.start(shell(script), 2)
    show = subprocess.run(["scontrol", "show", "job", jobs[0]], capture_output=True, text=True)
    assert f"JobName=adamcmp-{tmp_path.name}\n" in show.stdout
    first, second = ended(launcher(tmp_path), jobs).values()
    assert (first.detail, second.detail) == ("Completed, exit code 0", "Failed, exit code 2")
    for path in started.log_paths(jobs).values():
        assert f"hello 1 {Path.cwd()}\n" in path.read_text()


def test_handlers_of_other_packages_stay_open(slurm, tmp_path, monkeypatch):
    """submitit configures logging when it is imported, which would close all handlers."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "submitit"]:
        monkeypatch.delitem(sys.modules, name)
    handler = logging.Handler()
    monkeypatch.setattr(handler, "close", lambda: pytest.fail("closed"))
    started = launcher(tmp_path, partition="down")
    started.cancel(started.start(shell("true"), 1))
    assert "SUBMITIT_LOG_LEVEL" not in os.environ


def test_cancelled_jobs_get_a_signal(slurm, tmp_path):
    """Also those that wait; those that have ended are ignored."""
    started = launcher(tmp_path)
    script = "trap 'echo saved > saved; exit 143' TERM; echo > up; while :; do sleep 0.1; done"
    jobs = started.start(shell(script), 1)
    jobs += launcher(tmp_path, partition="down").start(shell("true"), 2)
    wait_until((tmp_path / "up").exists)
    statuses = [state.status for state in started.states(jobs).values()]
    assert statuses == ["running", "pending", "pending"]
    started.cancel(jobs)
    assert all(state.cancelled for state in ended(started, jobs).values())
    assert (tmp_path / "saved").read_text() == "saved\n"
    started.cancel(jobs)


#: A worker that ends when it is told to, and completes its work when it is started again.
RESUMED = """
[[ -e saved ]] && exit 0
trap 'echo >> saved; exit 143' TERM
echo > up
while :; do sleep 0.1; done
"""


def test_a_job_that_reaches_its_time_limit_saves_and_starts_again(slurm, tmp_path):
    """The signal is sent here instead of waiting for the time limit."""
    started = launcher(tmp_path)
    (job,) = jobs = started.start(shell(RESUMED), 1)
    wait_until((tmp_path / "up").exists)
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    wait_until(lambda: started.states(jobs)[job].status == "pending", every=0.2)
    slurm_cluster.start_soon(job)
    assert ended(started, jobs)[job].detail == "Completed, exit code 0"
    assert (tmp_path / "saved").read_text() == "\n"


@pytest.mark.slow
def test_the_time_limit(slurm, tmp_path):
    started = launcher(tmp_path)
    (job,) = jobs = started.start(shell(RESUMED), 1)
    assert ended(started, jobs, seconds=400)[job].detail == "Completed, exit code 0"
    assert (tmp_path / "saved").read_text() == "\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"partition": "debgu"},
            "no partition 'debgu'. Did you mean 'debug'? It has: debug, short, down",
        ),
        ({"partition": "short", "timeout_min": 5}, "jobs of partition 'short' take at most 2 min"),
        (
            {"cpus_per_task": 9},
            "executor.cpus_per_task=9: the nodes of partition 'debug' have at most 8",
        ),
        (
            {"mem_gb": 1000},
            "executor.mem_gb=1000: the nodes of partition 'debug' have at most 0.977 GB",
        ),
        ({"constraint": "nope"}, "Invalid feature specification. Check executor.timeout_min=60, "),
        ({"gpus_per_node": 1}, "Invalid generic resource"),
    ],
)
def test_settings_that_the_cluster_refuses(slurm, tmp_path, settings, message):
    with pytest.raises((ConfigError, ClusterError), match=re.escape(message)):
        SlurmLauncher(SlurmSettings(name="slurm", **settings), tmp_path).check()


def test_a_submission_that_is_refused(slurm, tmp_path, capfd):
    """As a job that was possible when it was checked; Slurm's own lines are not printed."""
    with pytest.raises(ClusterError, match=r"configuration is not available\. Check .*mem_gb=1000"):
        launcher(tmp_path, mem_gb=1000).start(shell("true"), 1)
    assert capfd.readouterr() == ("", "")


def test_a_job_ends_if_its_setup_fails(slurm, tmp_path):
    started = launcher(tmp_path, setup=("false", "echo continued"))
    jobs = started.start(shell("echo trained"), 1)
    (state,) = ended(started, jobs).values()
    assert state.detail == "Failed, exit code 1"
    (log,) = started.log_paths(jobs).values()
    assert "continued" not in log.read_text() and "trained" not in log.read_text()


@pytest.mark.slow
def test_a_cluster_with_accounting(tmp_path, monkeypatch):
    """Accounts are checked; jobs are watched as without accounting."""
    require(not slurm_accounting.missing_programs(), slurm_accounting.missing_programs())
    with slurm_accounting.cluster(tmp_path / "slurm") as folder:
        for name, value in slurm_cluster.environment(folder).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ConfigError, match=r"Did you mean 'vision'\? Yours: .*vision"):
            launcher(tmp_path, account="visoin").check()
        started = launcher(tmp_path, account=slurm_accounting.ACCOUNT)
        started.check()
        jobs = started.start(shell("kill -9 $$"), 2)
        details = {state.detail for state in ended(started, jobs).values()}
        assert details == {"Failed, exit code 9"}


def test_jobs_that_slurm_has_forgotten_have_ended(slurm, tmp_path):
    assert launcher(tmp_path).states(["4711", "4712_3"]) == {
        job: JobState("ended") for job in ("4711", "4712_3")
    }


def test_without_slurm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="no command sbatch on the PATH"):
        launcher(tmp_path).check()


def test_without_submitit(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ConfigError, match=r"pip install 'adamcmp\[slurm\]'"):
        launcher(tmp_path).check()


def test_a_cluster_that_does_not_answer(tmp_path, monkeypatch):
    """It is an error, since jobs that are not in the queue count as ended."""
    program = tmp_path / "squeue"
    program.write_text("#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(ClusterError, match="Unable to contact"):
        launcher(tmp_path).states(["1"])
