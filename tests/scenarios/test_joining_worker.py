"""A worker in another process joins a sweep that is training."""

import json

import pytest

import adamcmp
from tests.support.interrupted import sweep_command
from tests.support.pausing_net import PAUSE, paused_processes
from tests.support.processes import start_command
from tests.support.studies import PAUSING
from tests.support.study_bits import assert_same_bits
from tests.support.waiting import wait_until

RUNS = [*PAUSING, "seed=range(8)", "workers=0"]


@pytest.mark.slow
def test_a_worker_joins_a_sweep(results):
    """Both train at the same time, end with exit code 0, and no row is lost or doubled."""
    adamcmp.sweep([*RUNS, "study=alone"])
    PAUSE.touch()
    sweep = start_command(*sweep_command(results, "both", RUNS), "--json")
    wait_until(paused_processes)
    worker = start_command(
        *("worker", "both", "--results", str(results), "workers=0", "--allow-code", "--json")
    )
    wait_until(lambda: len(paused_processes()) == 2 or worker.poll() is not None)
    PAUSE.unlink()
    for process in (sweep, worker):
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        printed = json.loads(out)
        assert printed["trained"] > 0
    assert printed["trained"] < 8 and printed["left"] == 0
    queue = results / "both" / "queue"
    assert not [*queue.iterdir()]
    queue.rmdir()
    assert_same_bits(results / "both", results / "alone")
