"""Publish the plan of a command in the study's queue, so that other processes know its runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adamcmp.config import StudyConfig
from adamcmp.errors import ConfigError, Interrupted, counted
from adamcmp.execution.autotuning import can_measure
from adamcmp.execution.heartbeats import PROGRESS_SECONDS, RENEWALS, Heartbeat, WorkerRecord
from adamcmp.execution.liveness import Liveness
from adamcmp.execution.open_plans import (
    Available,
    OpenPlan,
    available_runs,
    check_versions,
    is_stored,
    open_plans,
    read_plan,
)
from adamcmp.execution.queue_files import QUEUE, list_queue, plan_file, remove_plan
from adamcmp.execution.reservations import Reservations
from adamcmp.execution.shares import make_shares, share_seconds
from adamcmp.execution.signals import InterruptedBy
from adamcmp.execution.stored_plans import PlanHeader, PlannedGroup, encode_plan
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.grouping import LaneGroup, resumed_groups
from adamcmp.planning.plan import Plan
from adamcmp.platform.addresses import study_arguments
from adamcmp.platform.files import storage_errors
from adamcmp.platform.provenance import hardware, software
from adamcmp.storage.files import Files
from adamcmp.storage.rows import RunRow
from adamcmp.storage.store import Store


@dataclass(frozen=True)
class Request:
    """The runs that a command trains.

    Attributes:
        config: The configuration of the command.
        plan: All of its runs.
        missing: Those that were not stored when it was planned, with predicted times.
        retrained_statuses: Statuses of stored runs that are trained again.
    """

    config: StudyConfig
    plan: Plan
    missing: Plan
    retrained_statuses: Collection[str] = ()


@dataclass(frozen=True)
class PublishedPlan:
    """What a command trains, published in the queue.

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


def unfinished(plan: Plan, store: Store, retrained_statuses: Collection[str]) -> Plan:
    """Return a plan without the stored runs, except those with a status to train again."""
    statuses = store.statuses().items()
    return plan.without({run_id for run_id, status in statuses if status not in retrained_statuses})


def record_command(
    store: Store, config: StudyConfig, plan: Plan, *, only_process: bool = False
) -> int:
    """Record a command, and how many runs the study has once it is complete; needs the lock.

    Returns:
        The number of the command in the study.
    """
    study_runs = len({*store.statuses(), *plan.run_ids}) + config.later_runs
    metadata = {"flags": list(config.flags), **software()}
    metadata |= {"hardware": _hardware_here(plan.numerics.device), "runs": len(plan.specs)}
    metadata |= {"study_runs": study_runs}
    metadata |= {"addition": dict(config.addition)} if config.addition else {}
    return store.record_command(
        plan.numerics, config.overrides, metadata, only_process=only_process
    )


def _hardware_here(device: str) -> str | None:
    """Return the name of a device; None for a GPU that only the jobs of a cluster have."""
    return hardware(device) if can_measure(device) else None


@contextlib.contextmanager
def published(
    store: Store,
    request: Request,
    interrupted: InterruptedBy,
    on_notice: Callable[[str], None],
) -> Iterator[PublishedPlan]:
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
    liveness = Liveness(files)
    liveness.await_heartbeats(_owners(files), interrupted, on_notice)
    device = request.plan.numerics.device
    with contextlib.ExitStack() as stack:
        with store.locked():
            living, plans = _workers_and_plans(store, liveness)
            pending = unfinished(request.missing, store, request.retrained_statuses)
            attempts = store.next_attempts(pending.run_ids)
            available = _available(store, pending, plans, living)
            for plan in available.adopted:
                check_versions(plan, store.folder)
            # The workers of an adopted plan take over shares after the length of its leases.
            lengths = [plan.header.lease_seconds for plan in available.adopted]
            lease_seconds = min([request.config.execution.lease_seconds, *lengths])
            interval = min(PROGRESS_SECONDS, lease_seconds / RENEWALS)
            heartbeat = Heartbeat(files, lease_seconds, interval, hardware(device))
            stack.enter_context(heartbeat)
            number = record_command(store, request.config, request.plan, only_process=not living)
            if not living:
                with storage_errors(store.folder):
                    files.remove_partial_writes(QUEUE, begin)
            store.checkpoints.remove_finished(store.statuses())
            stack.callback(_remove_plan, store, number)
            planned = pending.only(available.run_ids)
            publish_plan(store, request.config, planned, number, heartbeat.worker)
        pending = pending.without(available.planned)
        checkpoints = store.checkpoints.existing().values()
        yield PublishedPlan(
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


def publish_standing(
    store: Store,
    request: Request,
    interrupted: InterruptedBy,
    on_notice: Callable[[str], None],
) -> OpenPlan | None:
    """Publish a plan that stays open until its runs are stored; an equal open plan is returned.

    Args:
        store: The study, which is created if it does not exist.
        request: The runs to train.
        interrupted: Returns the signal that has arrived, if any.
        on_notice: Called with messages to the user.

    Returns:
        The plan; None if no run is left to plan.

    Raises:
        ConfigError: If some of the runs are in a standing plan that has others too, another
            process is training some, or an equal plan does not allow the requested mixed versions.
        Interrupted: If a signal has arrived; nothing is written.
        StoreError: If the study cannot be written or locked.
    """
    liveness = Liveness(store.files)
    liveness.await_heartbeats(_owners(store.files), interrupted, on_notice)
    if number := interrupted():
        raise Interrupted(number, "nothing was planned")
    with store.locked():
        living, plans = _workers_and_plans(store, liveness)
        pending = unfinished(request.missing, store, request.retrained_statuses)
        available = _available(store, pending, plans, living)
        if available.planned:
            status = next(iter(available.planned.values())).status
            raise ConfigError(
                f"Process {status.pid} on {status.host} is training "
                f"{counted(len(available.planned), 'run')} of these. "
                f"`adamcmp worker {study_arguments(store.folder)}` helps it."
            )
        if available.adopted and not available.run_ids:
            _check_mixed_versions(request, available.adopted[0], store)
            return available.adopted[0]
        number = record_command(store, request.config, request.plan)
        publish_plan(store, request.config, pending.only(available.run_ids), number)
    return read_plan(store.files, number)


def _check_mixed_versions(request: Request, plan: OpenPlan, store: Store) -> None:
    """Check that an open plan allows mixed versions if the command requests them."""
    if request.config.execution.mixed_versions and not plan.header.mixed_versions:
        raise ConfigError(
            f"mixed_versions=true: plan {plan.number} of study {store.folder.name!r} has these "
            f"runs and does not allow other versions. Remove it with `adamcmp cancel "
            f"{study_arguments(store.folder)}`, and repeat this command."
        )


def _owners(files: Files) -> set[str]:
    """Return the ids of the workers with which a plan of the study ends."""
    numbers = list_queue(files).plans
    plans = (read_plan(files, number) for number in numbers)
    return {plan.header.owner for plan in plans if plan and not plan.standing}


def _workers_and_plans(
    store: Store, liveness: Liveness
) -> tuple[Mapping[str, WorkerRecord], Sequence[OpenPlan]]:
    """Return the workers that are alive and the open plans; needs the lock.

    Call it before the stored runs are read: the runs of a plan that is not listed any more are
    stored.
    """
    state = list_queue(store.files)
    living = liveness.living(state)
    for number in state.removed_plans:  # under the lock, so that none of them is just published
        remove_plan(store.files, number)
    return living, open_plans(store.files, state, living)


def _available(
    store: Store,
    pending: Plan,
    plans: Sequence[OpenPlan],
    living: Mapping[str, WorkerRecord],
) -> Available:
    return available_runs(pending.run_ids, plans, living, store.outcomes(), store.folder)


def _remove_plan(store: Store, number: int) -> None:
    # If the files cannot be removed now, the next process removes them.
    with contextlib.suppress(OSError):
        remove_plan(store.files, number)


def publish_plan(
    store: Store, config: StudyConfig, plan: Plan, number: int, owner: str = ""
) -> None:
    """Write a plan to the queue of a study; needs the lock.

    Args:
        store: The study.
        config: The configuration of the command.
        plan: The runs; if there are none, no plan is written. Without predicted times, the workers
            measure and group the runs.
        number: The number of the command in the study.
        owner: The id of the worker with which the plan ends; empty for a standing plan.

    Raises:
        StoreError: If the file cannot be written.
    """
    if not plan.specs:
        return
    measured = bool(plan.costs.timings) or len(plan.specs) == 1
    groups = plan.groups(store.checkpoints.existing().values())
    shares = make_shares(groups, plan.costs)
    attempts = store.next_attempts(plan.run_ids)
    header = PlanHeader(
        overrides=config.overrides,
        owner=owner,
        lease_seconds=config.execution.lease_seconds,
        share_runs=tuple(sum(len(group.specs) for group in share) for share in shares),
        share_seconds=tuple(share_seconds(share, plan.costs) for share in shares),
        mixed_versions=config.execution.mixed_versions,
        launcher=config.execution.executor_name or "" if config.execution.cluster else "",
    )
    planned = [
        [PlannedGroup(group.specs, attempts, grouped=measured) for group in share]
        for share in shares
    ]
    with storage_errors(store.folder):
        store.files.create(plan_file(number), encode_plan(header, planned))


def lane_groups(groups: Sequence[PlannedGroup], costs: CostModel, store: Store) -> list[LaneGroup]:
    """Return the groups of a share as lane groups; runs that share a checkpoint stay together.

    Args:
        groups: The planned groups.
        costs: Selects the width of the groups of runs that were planned without groups.
        store: The study.
    """
    checkpoints = store.checkpoints.existing().values()
    trained: list[LaneGroup] = []
    for group in groups:
        width = len if group.grouped else costs.width
        trained += resumed_groups(group.specs, checkpoints, width)
    return trained
