"""Plans that are removed when the process that made them ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adamcmp.execution.heartbeats import PROGRESS_SECONDS, RENEWALS, Heartbeat, WorkerRecord
from adamcmp.execution.open_plans import (
    OpenPlan,
    available_runs,
    check_versions,
    is_stored,
    next_attempts,
)
from adamcmp.execution.publishing import await_plan_owners, living_workers_and_plans, publish_plan
from adamcmp.execution.queue_files import QUEUE, remove_plan
from adamcmp.execution.requests import Request, record_command, unfinished
from adamcmp.execution.reservations import Reservations
from adamcmp.execution.shares import lane_groups
from adamcmp.execution.signals import InterruptedBy
from adamcmp.planning.grouping import LaneGroup
from adamcmp.platform.files import storage_errors
from adamcmp.platform.provenance import hardware
from adamcmp.storage.files import Files
from adamcmp.storage.rows import RunRow
from adamcmp.storage.store import Store


@dataclass(frozen=True)
class AttachedPlan:
    """What a command trains, with its plan in the queue.

    Attributes:
        attempts: The attempt number of each run that this process trains.
        groups: Their groups.
        reservations: Reserves the groups, share by share.
        planned_by_others: The other requested runs that are not stored, with the process that
            trains each.
    """

    attempts: Mapping[str, int]
    groups: tuple[LaneGroup, ...]
    reservations: Reservations
    planned_by_others: Mapping[str, WorkerRecord] = field(default_factory=dict)

    def trained(self, outcomes: Mapping[str, RunRow]) -> tuple[str, ...]:
        """Return those of the runs that are stored now.

        Args:
            outcomes: The stored runs, by id.
        """
        return tuple(r for r, attempt in self.attempts.items() if is_stored(r, attempt, outcomes))


@contextlib.contextmanager
def attached_plan(
    store: Store,
    request: Request,
    interrupted: InterruptedBy,
    on_notice: Callable[[str], None],
) -> Iterator[AttachedPlan]:
    """Publish a plan that ends with this process.

    Args:
        store: The study, which is created if it does not exist.
        request: The runs to train.
        interrupted: Returns the signal that has arrived, if any.
        on_notice: Called with messages to the user.

    Yields:
        What this process trains. Runs that another process trains are left out.

    Raises:
        ConfigError: If some of the runs are in a standing plan that has others too, or that was
            made with other versions.
        StoreError: If the study cannot be written or locked.
    """
    files, begin = store.files, time.time_ns()
    liveness = await_plan_owners(files, interrupted, on_notice)
    with contextlib.ExitStack() as stack:
        with store.locked():
            living, plans = living_workers_and_plans(store, liveness)
            # Read once: a run that is stored meanwhile belongs to a plan that is listed already.
            outcomes = store.outcomes()
            pending = unfinished(request.missing, outcomes, request.retrained_statuses)
            available = available_runs(pending.run_ids, plans, living, outcomes, store.folder)
            attempts = next_attempts(pending.run_ids, outcomes)
            for plan in available.adopted:
                check_versions(plan, store.folder)
            heartbeat = stack.enter_context(_heartbeat(files, request, available.adopted))
            number = record_command(store, request.config, request.plan, only_process=not living)
            if not living:
                with storage_errors(store.folder):
                    files.remove_partial_writes(QUEUE, begin)
            store.checkpoints.remove_finished(outcomes)
            stack.callback(_remove_plan, store, number)
            planned = pending.only(available.run_ids)
            publish_plan(store, request.config, planned, attempts, number, heartbeat.worker)
        pending = pending.without(available.planned)
        checkpoints = store.checkpoints.existing().values()
        yield AttachedPlan(
            {run_id: attempts[run_id] for run_id in pending.run_ids},
            pending.groups(checkpoints),
            Reservations(
                store,
                heartbeat,
                frozenset({number, *(plan.number for plan in available.adopted)}),
                lambda groups: lane_groups(groups, pending.costs, store),
                {spec.run_id: spec for spec in pending.specs},
            ),
            available.planned,
        )


def _heartbeat(files: Files, request: Request, adopted: Sequence[OpenPlan]) -> Heartbeat:
    # The workers of an adopted plan take over shares after the length of its leases.
    lengths = [plan.header.lease_seconds for plan in adopted]
    lease_seconds = min([request.config.execution.lease_seconds, *lengths])
    interval = min(PROGRESS_SECONDS, lease_seconds / RENEWALS)
    return Heartbeat(files, lease_seconds, interval, hardware(request.plan.numerics.device))


def _remove_plan(store: Store, number: int) -> None:
    # If the files cannot be removed now, the next process removes them.
    with contextlib.suppress(OSError):
        remove_plan(store.files, number)
