"""Commands with ``executor=ray``, on `tests/support/fake_ray`, which prints to stdout like Ray."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import adamcmp
from adamcmp.cli import main
from tests.support.pausing_net import PAUSE, paused_processes
from tests.support.processes import ROOT
from tests.support.studies import PAUSING, THREE_STEPS
from tests.support.study_bits import assert_same_bits
from tests.support.waiting import wait_until

RAY = ["executor=ray", "executor.address=auto"]
LONG = [*PAUSING, "seed=range(3)", "study=s"]


@pytest.mark.parametrize(
    ("arguments", "event", "message"),
    [
        (["executor=ray"], "", "executor.address is needed: local, auto or HOST:PORT"),
        (["executor=ray", "executor.address=x"], "", "should be local, auto or HOST:PORT"),
        ([*RAY, "executor.num_cpus=64"], "", "no node of the cluster has 64 CPUs"),
        ([*RAY, "--detach"], "", "--detach: the jobs of executor=ray end with the command"),
        ([*RAY, "device=cuda"], "", "jobs have no GPU. Add executor.num_gpus=1."),
        (RAY, "no_cluster", "executor.address=auto: no Ray cluster runs on this machine."),
        (RAY, "other_version", "Version mismatch: The cluster was started with: Ray: 2.9.0"),
    ],
)
def test_clusters_that_cannot_be_used(fake_ray, results, capfd, arguments, event, message):
    (fake_ray / event).touch()
    assert main(["sweep", *THREE_STEPS, "seed=0,1", *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == "" and message in err and len(err.splitlines()) == 1
    assert not results.exists()


def start_sweep(*arguments):
    """Start a sweep with its output in pipes, in a new process group."""
    return subprocess.Popen(
        [sys.executable, "-m", "adamcmp", "sweep", *arguments, *RAY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_an_interrupted_command_and_the_same_command_continues(
    fake_ray, results, number
):
    PAUSE.touch()
    process = start_sweep(*LONG, "--json")
    (worker,) = wait_until(paused_processes)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number and out == "", err
    assert "runs left, and the jobs end" in err
    assert not Path(f"/proc/{worker}").exists()
    assert [*results.glob("s/checkpoints/*.npz")] and not [*results.glob("s/queue/worker-*")]
    PAUSE.unlink()
    process = start_sweep(*LONG, "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and json.loads(out)["done"] == 3, err
    adamcmp.sweep([*LONG, "study=serial"])
    assert_same_bits(results / "s", results / "serial")


@pytest.mark.slow
def test_a_cancelled_sweep(fake_ray, results):
    PAUSE.touch()
    process = start_sweep(*LONG)
    (worker,) = wait_until(paused_processes)
    assert main(["cancel", "s"]) == 0
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and "the plan was cancelled" in err
    assert not Path(f"/proc/{worker}").exists()
