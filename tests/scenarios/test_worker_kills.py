"""Workers of one plan are killed, or frozen until another one takes over, at random moments."""

import os
import random
import signal
import time

import pandas as pd
import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.execution.queue_files import lease_holder, list_queue
from adamcmp.storage.folder import Folder
from tests.support.interrupted import sweep_command
from tests.support.required import require
from tests.support.studies import SMALL
from tests.support.study_bits import assert_same_bits
from tests.support.waiting import wait_until

LEASE = 2
DISTURBANCES = 20
#: So few that a worker soon finds no free share, and takes over that of a frozen one.
PLAN_RUNS = 4
OVERRIDES = [
    *(*SMALL, "engine=eager", "steps=3000", "eval.every_steps=1000"),
    *("checkpoint_every=0.2", f"lease_seconds={LEASE}"),
]


class Workers:
    """Two workers, each replaced after it was killed.

    Args:
        start: Starts a worker on a host, given its name.
        hosts: The host name of each.
        files: The study's files.

    Attributes:
        takeovers: How often a share of a frozen worker was taken over.
    """

    def __init__(self, start, hosts, files):
        self._start = lambda number: start(hosts[number])
        self._files, self.takeovers = files, 0
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
        """Freeze a worker, or with its processes, until the other one has taken over its share."""
        process = self.processes[number]
        send(process.pid, signal.SIGSTOP)
        if self.shares(number):
            wait_until(lambda: not self.shares(number))
            self.takeovers += 1
        send(process.pid, signal.SIGCONT)

    def await_share(self, number):
        """Wait until a worker has a share, or one of the workers has ended."""
        wait_until(lambda: self.shares(number) or not self.training)

    def shares(self, number):
        """Return the shares that a worker trains: it has their last lease, and they are not done."""
        state, pid = list_queue(self._files), self.processes[number].pid
        holders = {
            share: lease_holder(self._files, share, lease)
            for share, lease in state.leases.items()
            if share not in state.done
        }
        return [share for share, worker in holders.items() if f"-{pid}-" in (worker or "")]

    def join(self):
        """Wait until both have ended without an error."""
        assert [process.wait() for process in self.processes] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "hosts"), [(0, ("", "")), (2, ("", "")), (0, ("host-a", "host-b"))]
)
def test_no_run_is_lost_or_stored_twice(workers, hosts, commands, results):
    """Plans follow each other until the workers have seen all disturbances."""
    require(not hosts[0] or os.getuid() == 0, "Only root can set the name of the host.")
    options = ["--results", str(results), f"workers={workers}", "checkpoint_every=0.2", "-q"]
    generator = random.Random(f"{workers}{hosts}")
    disturbances = seeds = takeovers = 0
    while disturbances < DISTURBANCES:
        new_seeds = f"seed=range({seeds},{seeds + PLAN_RUNS})"
        assert main([*sweep_command(results, "s", [*OVERRIDES, new_seeds]), "--plan-only"]) == 0
        seeds += PLAN_RUNS
        work = Workers(
            lambda host: commands.start("worker", "s", *options, host=host),
            hosts,
            Folder(results / "s"),
        )
        while disturbances < DISTURBANCES:
            number, action = generator.randrange(2), work.kill if disturbances % 2 else work.freeze
            if action == work.freeze:
                work.await_share(number)
            time.sleep(generator.uniform(0.0, 1.0))
            if not work.training:
                break
            action(number, generator.choice([os.kill, os.killpg]))
            disturbances += 1
        work.join()
        takeovers += work.takeovers
        # Also rows that are superseded, which the next command removes.
        rows = pd.read_parquet(results / "s" / "runs")
        assert len(rows) == seeds and rows["run_id"].is_unique
    assert takeovers > 0
    # The next command removes what was left by workers that were killed while they wrote a file.
    for study in ("s", "whole"):
        adamcmp.sweep([*OVERRIDES, f"seed=range({seeds + 1})", f"study={study}", "workers=0"])
    assert_same_bits(results / "s", results / "whole")
