"""Workers of one plan are killed, and frozen for longer than a lease, at random moments."""

import os
import random
import signal
import time

import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.storage import reader
from tests.support.interrupted import sweep_command
from tests.support.studies import SMALL
from tests.support.study_bits import assert_same_bits

LEASE = 2
RUNS = [
    *(*SMALL, "seed=range(30)", "engine=eager", "eval.every_steps=1000"),
    *("checkpoint_every=0.2", f"lease_seconds={LEASE}"),
]


class Workers:
    """Two workers, each replaced after it was killed."""

    def __init__(self, commands, arguments):
        self._start = lambda: commands.start(*arguments)
        self.processes = [self._start(), self._start()]

    def kill(self, number, group):
        """Kill a worker, or with its processes."""
        process = self.processes[number]
        if process.poll() is None:
            (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            self.processes[number] = self._start()

    def freeze(self, number, group):
        """Freeze a worker for longer than its lease."""
        process = self.processes[number]
        signalled = os.killpg if group else os.kill
        if process.poll() is None:
            signalled(process.pid, signal.SIGSTOP)
            time.sleep(1.5 * LEASE)
            signalled(process.pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_no_run_is_lost_or_stored_twice(workers, commands, results):
    overrides = [*RUNS, "steps=1500"]
    assert main([*sweep_command(results, "s", overrides), "--plan-only"]) == 0
    work = Workers(
        commands,
        [
            "worker",
            "s",
            "--results",
            str(results),
            f"workers={workers}",
            "checkpoint_every=0.2",
            "-q",
        ],
    )
    generator = random.Random(workers)
    for number in range(20):
        time.sleep(generator.uniform(0.2, 2.0))
        action = work.kill if number % 2 else work.freeze
        action(generator.randrange(2), group=generator.random() < 0.5)
    assert [process.wait() for process in work.processes] == [0, 0]
    adamcmp.sweep([*overrides, "study=whole", "workers=0"])
    assert len(reader.read_runs(results / "s")) == 30
    assert_same_bits(results / "s", results / "whole")
