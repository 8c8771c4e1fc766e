"""Commands with ``executor=slurm`` on a real cluster of one machine."""

import os
import re
import signal
import subprocess

import pytest

from adamcmp.cli import main
from adamcmp.components.executors.slurm import SlurmSettings
from adamcmp.execution.launchers.slurm import SlurmLauncher
from adamcmp.execution.liveness import worker_records
from adamcmp.storage import reader
from adamcmp.storage.folder import Folder
from tests.support import slurm_cluster
from tests.support.commands import run
from tests.support.pausing_net import PAUSE
from tests.support.processes import start_command
from tests.support.studies import PAUSING, SMALL
from tests.support.study_bits import assert_same_bits
from tests.support.waiting import wait_until

RUNS = [
    *(*SMALL, "model=mlp,logistic", "optimizer=adamw,adam_l2,sgd", "seed=range(5)"),
    *("steps=60", "eval.every_steps=20", "engine=traced", "threads=1", "study=s"),
]
#: Runs that pause while there is a file.
LONG = [*PAUSING, "seed=range(40)", "study=s"]
SLURM = ["executor=slurm", "executor.timeout_min=5", "checkpoint_every=0.01"]


def error(capsys, *arguments):
    """Run a command that is refused; return its message."""
    assert main(list(arguments)) == 2
    return capsys.readouterr().err


def wait_for_jobs(folder):
    """Wait for the first heartbeat of a worker; return the ids of the study's jobs."""
    wait_until(lambda: [*folder.glob("queue/worker-*.json")])
    return re.findall(r'"(\d+(?:_\d+)?)"', next(folder.glob("queue/jobs-*.json")).read_text())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["executor.partition=debgu"], "has no partition 'debgu'. Did you mean 'debug'? It has:"),
        (
            ["executor.constraint=nope"],
            "Invalid feature specification. Check executor.timeout_min=60",
        ),
        (["executor.mem_gb=1000"], "the nodes of partition 'debug' have at most"),
        (["executor.timeout_min=3", "executor.partition=short"], "take at most 2 minutes"),
    ],
)
def test_settings_that_the_cluster_refuses(slurm, results, capsys, settings, message):
    assert message in error(capsys, "sweep", *RUNS, "executor=slurm", *settings)
    assert not results.exists()


@pytest.mark.slow
def test_a_refused_submission_leaves_no_plan(slurm, results, capsys, monkeypatch):
    monkeypatch.setattr(SlurmLauncher, "check", lambda launcher: None)
    runs = [*SMALL, "seed=0,1", "steps=2", "engine=eager", "study=s"]
    message = error(capsys, "sweep", *runs, "executor=slurm", "executor.mem_gb=1000")
    assert "Requested node configuration is not available" in message
    assert not [*results.glob("s/queue/plan-*"), *results.glob("s/queue/jobs-*")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*RUNS, "--detach"], "--detach needs an executor that starts jobs"),
        (["lr=tag(log,interval(1e-3,1))", "sampler=random", "n=2", "--detach"], "needs a grid"),
    ],
)
def test_commands_that_cannot_be_detached(results, capsys, arguments, message):
    assert message in error(capsys, "sweep", *arguments)
    assert not results.exists()


@pytest.mark.slow
def test_a_sweep_has_the_same_bits_as_in_one_process(slurm, results, capsys, monkeypatch):
    """Trained by an array of jobs, of which this machine runs some at once."""
    run(capsys, "sweep", *RUNS, "executor=serial", f"results={results / 'serial'}")
    monkeypatch.setattr(SlurmSettings, "job_seconds", 0.01)
    run(capsys, "sweep", *RUNS, *SLURM, "executor.jobs=4")
    assert len([*results.glob("s/jobs/*_submitted.pkl")]) == 4
    wait_until(lambda: not [*results.glob("s/queue/*")])  # the last jobs are about to end
    assert_same_bits(results / "s", results / "serial" / "s")


@pytest.mark.slow
def test_a_detached_sweep_is_continued_by_the_same_command(slurm, results, capsys):
    """Its jobs go on, and are not started again; without them, new ones are."""
    out = run(capsys, "sweep", *RUNS, *SLURM, "--detach")
    assert "none finished" in out
    jobs = wait_for_jobs(results / "s")
    out = run(capsys, "sweep", *RUNS, *SLURM)
    assert "30 done" in out
    assert len(jobs) == len([*results.glob("s/jobs/*_log.out")]) == 1
    assert "30 runs trained" in run(capsys, "logs", "s")


@pytest.mark.slow
def test_a_killed_job_is_replaced(slurm, results):
    sweep = start_command("sweep", *LONG, *SLURM)
    wait_for_jobs(results / "s")
    wait_until(lambda: [*results.glob("s/runs/[!.]*")])
    PAUSE.touch()
    (worker,) = worker_records(Folder(results / "s")).values()
    os.kill(worker.status.pid, signal.SIGKILL)
    PAUSE.unlink()
    out, err = sweep.communicate(timeout=180)
    assert sweep.returncode == 0 and "40 done" in out, err
    assert len([*results.glob("s/jobs/*_log.out")]) == 2


@pytest.mark.slow
def test_a_job_that_reaches_its_time_limit_continues(slurm, results, capsys):
    """It saves the checkpoint of the run that it trains, and gives the run back.

    The signal is sent here instead of waiting for the time limit.
    """
    runs = [*PAUSING, "seed=range(3)", "study=s"]
    PAUSE.touch()
    sweep = start_command("sweep", *runs, *SLURM)
    (job,) = wait_for_jobs(results / "s")
    wait_until(lambda: [*results.glob("s/checkpoints/[!.]*")])
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    queue = ["squeue", "--noheader", "--jobs", job, "--format=%T"]
    wait_until(lambda: b"PENDING" in subprocess.run(queue, capture_output=True).stdout, every=0.2)
    assert not [*results.glob("s/queue/worker-*")] and [*results.glob("s/checkpoints/[!.]*")]
    PAUSE.unlink()
    slurm_cluster.start_soon(job)
    out, err = sweep.communicate(timeout=180)
    assert sweep.returncode == 0 and "3 done" in out, err
    assert len([*results.glob("s/jobs/*_log.out")]) == 1
    run(capsys, "sweep", *runs, "executor=serial", f"results={results / 'serial'}")
    assert_same_bits(results / "s", results / "serial" / "s")


@pytest.mark.slow
def test_interrupt_and_cancel(slurm, results, capsys):
    """Ctrl-C leaves the jobs; `cancel` ends them, and another command trains what is left."""
    PAUSE.touch()
    sweep = start_command("sweep", *LONG, *SLURM)
    (job,) = wait_for_jobs(results / "s")
    sweep.send_signal(signal.SIGINT)
    _, err = sweep.communicate(timeout=60)
    assert sweep.returncode == 130 and f"job {job} will go on to train" in err
    queue = ["squeue", "--noheader", "--jobs", job]
    assert subprocess.run(queue, capture_output=True, check=True).stdout
    run(capsys, "cancel", "s")
    wait_until(lambda: not subprocess.run(queue, capture_output=True).stdout, every=0.2)
    assert not [*results.glob("s/queue/*")]
    PAUSE.unlink()
    run(capsys, "sweep", *LONG, "executor=serial")
    runs, _ = reader.load(results / "s")
    assert list(runs["status"]) == ["done"] * 40
