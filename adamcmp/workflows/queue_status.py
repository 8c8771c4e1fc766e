"""The open plans of a study, and the processes that are training its runs."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from adamcmp.execution.heartbeats import RENEWALS, ProcessStatus
from adamcmp.execution.liveness import Liveness
from adamcmp.execution.open_plans import read_plan
from adamcmp.execution.queue_files import QueueState, list_queue
from adamcmp.platform.addresses import Address
from adamcmp.storage.store import Store


@dataclass(frozen=True)
class PlanStatus:
    """The progress of an open plan.

    Attributes:
        number: The number of the plan.
        runs: Number of its runs.
        missing: Number of these that are not stored.
        executor: The executor whose jobs train it; empty for none.
    """

    number: int
    runs: int
    missing: int
    executor: str = ""


@dataclass(frozen=True)
class TrainingProcess:
    """A process that is training runs.

    Attributes:
        status: Its progress.
        silent_seconds: Seconds since its last heartbeat, if it has missed one; 0 otherwise.
    """

    status: ProcessStatus
    silent_seconds: float = 0.0


@dataclass(frozen=True)
class QueueStatus:
    """The open plans of a study, and the processes that are training its runs.

    Attributes:
        plans: The open plans.
        processes: The processes. Those of other machines that have frozen are among them until
            another process has watched them for the length of their lease.
    """

    plans: tuple[PlanStatus, ...] = ()
    processes: tuple[TrainingProcess, ...] = ()

    @property
    def planned(self) -> int:
        """The number of runs that are planned and not stored."""
        return sum(plan.missing for plan in self.plans)


NO_QUEUE = QueueStatus()


def queue_status(folder: Address) -> QueueStatus:
    """Return the state of the queue of a study.

    Args:
        folder: The study's folder or URL.

    Raises:
        ConfigError: If another version of adamcmp wrote a plan.
        StoreError: If a file of the queue is damaged.
    """
    store = Store(folder)
    state = list_queue(store.files)
    living = Liveness(store.files).living(state)
    processes = []
    for worker, record in living.items():
        # Only for display, so the clocks of this machine and of the storage may differ a little.
        silent = (time.time_ns() - state.workers[worker].modified_ns) / 1e9
        missed = silent > 2 * record.lease_seconds / RENEWALS
        processes.append(TrainingProcess(record.status, silent if missed else 0.0))
    return QueueStatus(_plans(store, state, living), tuple(processes))


def _plans(store: Store, state: QueueState, living: Collection[str]) -> tuple[PlanStatus, ...]:
    if not state.plans:
        return ()
    outcomes = store.outcomes()
    plans = [plan for number in state.plans if (plan := read_plan(store.files, number))]
    return tuple(
        PlanStatus(plan.number, plan.header.runs, len(plan.missing(outcomes)), plan.header.executor)
        for plan in plans
        if plan.standing or plan.header.owner in living
    )
