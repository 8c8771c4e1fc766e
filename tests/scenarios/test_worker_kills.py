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
DISTURBANCES = 20
PLAN_RUNS = 30
OVERRIDES = [
    *(*SMALL, "engine=eager", "steps=2500", "eval.every_steps=1000"),
    *("checkpoint_every=0.2", f"lease_seconds={LEASE}"),
]


class Workers:
    """Two workers, each replaced after it was killed.

    Args:
        start: Starts a worker on a host, given its name.
        hosts: The host name of each.
    """

    def __init__(self, start, hosts):
        self._start = lambda number: start(hosts[number])
        self.processes = [self._start(number) for number in range(2)]

    @property
    def training(self):
        """Whether both workers are alive."""
        return all(process.poll() is None for process in self.processes)

    def kill(self, number, send):
        """Kill a worker, or with its processes."""
        process = self.processes[number]
        send(process.pid, signal.SIGKILL)
        assert process.wait() in (-signal.SIGKILL, 0)  # 0: it ended just before
        self.processes[number] = self._start(number)

    def freeze(self, number, send):
        """Freeze a worker, or with its processes, for longer than its lease."""
        process = self.processes[number]
        send(process.pid, signal.SIGSTOP)
        time.sleep(1.5 * LEASE)
        send(process.pid, signal.SIGCONT)

    def join(self):
        """Wait until both have ended without an error."""
        assert [process.wait() for process in self.processes] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "hosts"), [(0, ("", "")), (2, ("", "")), (0, ("host-a", "host-b"))]
)
def test_no_run_is_lost_or_stored_twice(workers, hosts, commands, results):
    """A fast machine trains several plans before it has seen all disturbances."""
    require(not hosts[0] or os.getuid() == 0, "Only root can set the name of the host.")
    options = ["--results", str(results), f"workers={workers}", "checkpoint_every=0.2", "-q"]
    generator = random.Random(f"{workers}{hosts}")
    disturbances = seeds = 0
    while disturbances < DISTURBANCES:
        new_seeds = f"seed=range({seeds},{seeds + PLAN_RUNS})"
        assert main([*sweep_command(results, "s", [*OVERRIDES, new_seeds]), "--plan-only"]) == 0
        seeds += PLAN_RUNS
        work = Workers(lambda host: commands.start("worker", "s", *options, host=host), hosts)
        while disturbances < DISTURBANCES:
            time.sleep(generator.uniform(0.2, 2.0))
            if not work.training:
                break
            action = work.kill if disturbances % 2 else work.freeze
            action(generator.randrange(2), generator.choice([os.kill, os.killpg]))
            disturbances += 1
        work.join()
    assert len(reader.read_runs(results / "s")) == seeds
    # The next command removes what was left by workers that were killed while they wrote a file.
    for study in ("s", "whole"):
        adamcmp.sweep([*OVERRIDES, f"seed=range({seeds + 1})", f"study={study}", "workers=0"])
    assert_same_bits(results / "s", results / "whole")
