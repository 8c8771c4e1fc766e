"""Sweeps whose processes receive signals: they save checkpoints, and continue to the same bits."""

import os
import signal
from pathlib import Path

import pytest

import adamcmp
from adamcmp.execution.liveness import process_statuses
from tests.support.interrupted import checkpoints, sweep_command
from tests.support.pausing_net import PAUSE, paused_processes
from tests.support.processes import start_command
from tests.support.studies import PAUSING
from tests.support.study_bits import assert_same_bits
from tests.support.waiting import wait_until

#: Three processes import torch in each test.
pytestmark = pytest.mark.slow
RUNS = [*PAUSING, "seed=0,1,2,3"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A study of RUNS that one process trained without interruption."""
    results = tmp_path_factory.mktemp("uninterrupted")
    adamcmp.sweep([*RUNS, "workers=0", f"results={results}", "study=uninterrupted"])
    return results / "uninterrupted"


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def both_paused(besides=()) -> list[int]:
    """Return the ids of the two workers that train; others of `besides` have paused before."""
    workers = set(paused_processes()) - set(besides)
    return sorted(workers) if len(workers) == 2 else []


def test_workers_end_with_their_parent_and_are_replaced(results, uninterrupted):
    """No worker outlives the main process; the run of a killed worker is trained again."""
    command = sweep_command(results, "s", [*RUNS, "workers=2", "checkpoint_every=1e-9"])
    PAUSE.touch()
    with start_command(*command) as process:
        workers = wait_until(both_paused)
        process.kill()
    assert checkpoints(results / "s")
    PAUSE.unlink()
    wait_until(lambda: not any(map(is_alive, workers)))
    PAUSE.touch()
    with start_command(*command) as process:
        os.kill(wait_until(lambda: both_paused(workers))[0], signal.SIGKILL)
        PAUSE.unlink()
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert_same_bits(results / "s", uninterrupted)


@pytest.mark.parametrize(
    ("number", "receiver"),
    [
        (signal.SIGINT, "group"),  # as for Ctrl-C
        (signal.SIGTERM, "group"),
        (signal.SIGTERM, "main"),
        (signal.SIGHUP, "group"),
    ],
)
def test_a_signal_saves_checkpoints(number, receiver, results, uninterrupted):
    command = sweep_command(results, "s", [*RUNS, "workers=2", "checkpoint_every=100"])
    PAUSE.touch()
    with start_command(*command) as process:
        wait_until(both_paused)
        (os.killpg if receiver == "group" else os.kill)(process.pid, number)
        out, err = process.communicate()
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err and not out
    assert "run the same command again to continue" in err
    assert not process_statuses(results / "s") and len(checkpoints(results / "s")) == 2
    PAUSE.unlink()
    adamcmp.sweep([*RUNS, "workers=0", "study=s"])
    assert_same_bits(results / "s", uninterrupted)


def test_a_signal_to_one_worker_stops_nothing(results, uninterrupted):
    command = sweep_command(results, "s", [*RUNS, "workers=2", "checkpoint_every=100"])
    PAUSE.touch()
    with start_command(*command) as process:
        os.kill(wait_until(both_paused)[0], signal.SIGTERM)
        PAUSE.unlink()
        _, err = process.communicate()
    assert process.returncode == 0 and "Traceback" not in err, err
    assert_same_bits(results / "s", uninterrupted)
