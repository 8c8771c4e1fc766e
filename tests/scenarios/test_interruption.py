"""Sweeps whose processes receive signals: they save checkpoints, and continue to the same bits."""

import os
import signal
from pathlib import Path

import pytest

import adamcmp
from adamcmp.execution.reservations import process_statuses
from tests.support.interrupted import checkpoints, sweep_command
from tests.support.processes import start_command
from tests.support.studies import SMALL
from tests.support.study_bits import assert_same_bits
from tests.support.waiting import wait_until

RUNS = [*SMALL, "seed=0,1,2,3", "steps=800", "eval.every_steps=300", "engine=eager"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A study of RUNS that one process trained without interruption."""
    results = tmp_path_factory.mktemp("uninterrupted")
    adamcmp.sweep([*RUNS, "workers=0", f"results={results}", "study=uninterrupted"])
    return results / "uninterrupted"


def child_processes(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def wait_for_workers(process, study: Path) -> list[int]:
    """Wait until a sweep has reserved its runs; return the process ids of its workers."""
    wait_until(lambda: process_statuses(study))
    return child_processes(process.pid)


def test_workers_end_with_their_parent_and_are_replaced(results, uninterrupted):
    """No worker outlives the main process; the run of a killed worker is trained again."""
    command = sweep_command(results, "s", [*RUNS, "workers=2", "checkpoint_every=0.05"])
    with start_command(*command) as process:
        wait_until(lambda: checkpoints(results / "s"))
        workers = child_processes(process.pid)
        assert len(workers) == 2
        process.kill()
    wait_until(lambda: not any(is_alive(worker) for worker in workers), seconds=30)
    with start_command(*command) as process:
        os.kill(wait_for_workers(process, results / "s")[0], signal.SIGKILL)
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert_same_bits(results / "s", uninterrupted)


@pytest.mark.parametrize(
    ("number", "receiver"),
    [
        (signal.SIGINT, "group"),  # as for Ctrl-C
        pytest.param(signal.SIGTERM, "group", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "main", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, "group", marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_checkpoints(number, receiver, results, uninterrupted):
    command = sweep_command(results, "s", [*RUNS, "workers=2", "checkpoint_every=100"])
    with start_command(*command) as process:
        wait_for_workers(process, results / "s")
        (os.killpg if receiver == "group" else os.kill)(process.pid, number)
        out, err = process.communicate()
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err and not out
    assert "run the same command again to continue" in err
    assert not process_statuses(results / "s")
    adamcmp.sweep([*RUNS, "workers=0", "study=s"])
    assert_same_bits(results / "s", uninterrupted)


@pytest.mark.slow
def test_a_signal_to_one_worker_stops_nothing(results, uninterrupted):
    command = sweep_command(results, "s", [*RUNS, "workers=2", "checkpoint_every=100"])
    with start_command(*command) as process:
        os.kill(wait_for_workers(process, results / "s")[0], signal.SIGTERM)
        _, err = process.communicate()
    assert process.returncode == 0 and "Traceback" not in err, err
    assert_same_bits(results / "s", uninterrupted)
