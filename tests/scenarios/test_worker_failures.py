"""Runs of a user's model that kill or block their worker process."""

import json
import os
import signal

import pytest

import adamcmp
from adamcmp.cli import main
from tests.support.processes import start_command
from tests.support.studies import SMALL
from tests.support.study_bits import numbers
from tests.support.waiting import wait_until

#: The method `failure` is called in training mode, in the run with seed 1 only.
USER_MODEL = """
import os, signal, sys, time
from pathlib import Path
import torch
from adamcmp.platform.random_streams import stream_seed

class Net(torch.nn.Linear):
    def __init__(self, inputs, outputs, failure):
        super().__init__(inputs[0], outputs)
        self.failure = failure
        print("printed by the user's model")

    def forward(self, x):
        if self.training and torch.initial_seed() == stream_seed(1, "global", 3):
            getattr(self, self.failure)()
        return super().forward(x)

    def killed(self):
        if "REPAIRED" not in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)

    def killed_at_a_checkpoint(self):
        os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)

    def exits(self):
        sys.exit(0)

    def out_of_memory(self):
        raise torch.OutOfMemoryError("out of memory")

    def sleeps(self):
        Path("asleep").touch()
        time.sleep(300)
"""


@pytest.fixture
def user_model(tmp_path):
    (tmp_path / "user_net.py").write_text(USER_MODEL)
    return [
        *(*SMALL, "steps=9", "model=custom", "model.target=user_net.Net"),
        *("study=s", "engine=eager", "workers=2"),
    ]


@pytest.mark.slow
def test_a_worker_killed_while_it_writes_a_checkpoint(user_model, results, capfd):
    options = ["seed=0,1", "+model.failure=killed_at_a_checkpoint", "checkpoint_every=1e-9"]
    assert main(["sweep", *user_model, *options, "workers=1", "--json"]) == 1
    counts = json.loads(capfd.readouterr().out)
    assert (counts["done"], counts["failed"]) == (1, 1)
    runs, *_ = numbers(results / "s")  # also checks that the partial file was removed
    assert runs["error"].str.contains("signal 9").sum() == 1


@pytest.mark.slow
def test_a_run_that_kills_its_worker(user_model, results, monkeypatch, capfd):
    command = ["sweep", *user_model, "seed=0,1,2", "+model.failure=killed"]
    assert main([*command, "--json"]) == 1
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    counts = json.loads(out)  # what the model prints goes to stderr
    assert (counts["done"], counts["failed"]) == (2, 1)
    assert "printed by the user's model" in err
    failed = adamcmp.load("s").runs.set_index("seed").loc[1]
    assert failed["status"] == "failed" and "killed by signal 9" in failed["error"]
    # All runs are stored, but one has failed.
    assert main(command) == 1
    monkeypatch.setenv("REPAIRED", "1")
    assert main([*command, "--retry-failed", "workers=0"]) == 0
    assert "(1 newly trained): 3 done" in capfd.readouterr().out
    numbers(results / "s")


@pytest.mark.slow
def test_a_run_that_ends_its_worker(user_model, results):
    command = ["sweep", *user_model, "seed=0,1,2", "+model.failure=exits"]
    with start_command(*command) as process:
        out, err = process.communicate()
    assert process.returncode == 1 and "2 done, 1 failed" in out
    assert err.count("failed: ") == 1 and "exit code 0" in err and "--retry-failed" in err
    numbers(results / "s")


def test_a_run_that_needs_too_much_memory(user_model, results, capsys):
    command = ["sweep", *user_model, "workers=0", "seed=0,1,2", "+model.failure=out_of_memory"]
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert "2 done, 1 failed" in out
    assert err.count("failed: ") == 1 and "out of memory" in err and "--retry-failed" in err
    numbers(results / "s")


def test_a_second_signal_ends_a_blocked_sweep(user_model, tmp_path):
    # The first run is checked before training; it must not be the one that sleeps.
    options = ["seed=2,1", "+model.failure=sleeps", "workers=1"]
    with start_command("sweep", *user_model, *options) as process:
        wait_until((tmp_path / "asleep").exists)
        os.killpg(process.pid, signal.SIGINT)
        assert any("saving checkpoints" in line for line in process.stderr)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130 and "Traceback" not in err


def test_output_of_a_model_is_not_part_of_the_summary(user_model, capsys):
    assert main(["run", *user_model, "seed=3", "+model.failure=exits", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["status"] == "done"
    assert "printed by the user's model" in captured.err
