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
from tests.support.required import require
from tests.support.studies import SMALL
from tests.support.study_bits import assert_same_bits

LEASE = 2
RUNS = [
    *(*SMALL, "seed=range(30)", "engine=eager", "eval.every_steps=1000"),
    *("checkpoint_every=0.2", f"lease_seconds={LEASE}"),
]


class Workers:
    """Two workers, each replaced after it was killed.

    Args:
        commands: Starts them.
        arguments: Their command line.
        hosts: The host name of each.
    """

    def __init__(self, commands, arguments, hosts):
        self._start = lambda number: commands.start(*arguments, host=hosts[number])
        self.processes = [self._start(number) for number in range(2)]

    @property
    def training(self):
        """Whether both workers are alive."""
        return all(process.poll() is None for process in self.processes)

    def kill(self, number, send):
        """Kill a worker, or with its processes."""
        process = self.processes[number]
        send(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        self.processes[number] = self._start(number)

    def freeze(self, number, send):
        """Freeze a worker, or with its processes, for longer than its lease."""
        process = self.processes[number]
        send(process.pid, signal.SIGSTOP)
        time.sleep(1.5 * LEASE)
        send(process.pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "hosts"), [(0, ("", "")), (2, ("", "")), (0, ("host-a", "host-b"))]
)
def test_no_run_is_lost_or_stored_twice(workers, hosts, commands, results):
    require(not hosts[0] or os.getuid() == 0, "Only root can set the name of the host.")
    overrides = [*RUNS, "steps=2500"]
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
        hosts,
    )
    generator = random.Random(f"{workers}{hosts}")
    for number in range(20):
        time.sleep(generator.uniform(0.2, 2.0))
        if not work.training:  # a fast machine has trained all runs
            assert number >= 10
            break
        action = work.kill if number % 2 else work.freeze
        action(generator.randrange(2), generator.choice([os.kill, os.killpg]))
    assert [process.wait() for process in work.processes] == [0, 0]
    adamcmp.sweep([*overrides, "study=whole", "workers=0"])
    assert len(reader.read_runs(results / "s")) == 30
    assert_same_bits(results / "s", results / "whole")
