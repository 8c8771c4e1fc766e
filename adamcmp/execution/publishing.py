"""Write the plan of a command to the study's queue, and read what other processes have planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from adamcmp.config import StudyConfig
from adamcmp.execution.heartbeats import WorkerRecord
from adamcmp.execution.liveness import Liveness
from adamcmp.execution.open_plans import (
    OpenPlan,
    open_plans,
    read_plan,
)
from adamcmp.execution.plan_contents import PlanHeader, PlannedGroup
from adamcmp.execution.queue_files import list_queue, plan_file, remove_plan
from adamcmp.execution.shares import make_shares, share_seconds
from adamcmp.execution.signals import InterruptedBy
from adamcmp.execution.stored_plans import encode_plan
from adamcmp.planning.plan import Plan
from adamcmp.platform.files import storage_errors
from adamcmp.storage.files import Files
from adamcmp.storage.store import Store


def await_plan_owners(
    files: Files, interrupted: InterruptedBy, on_notice: Callable[[str], None]
) -> Liveness:
    """Wait until it is certain which processes with attached plans are alive.

    Args:
        files: The study's files.
        interrupted: Returns the signal that has arrived, if any, which ends the wait.
        on_notice: Called with a message to the user, if waiting takes long.

    Returns:
        What was observed.

    Raises:
        ConfigError: If another version of adamcmp wrote a plan.
        StoreError: If the study cannot be read.
    """
    liveness = Liveness(files)
    with storage_errors(files.address):
        plans = (read_plan(files, number) for number in list_queue(files).plans)
        owners = {plan.header.owner for plan in plans if plan and not plan.standing}
        liveness.await_heartbeats(owners, interrupted, on_notice)
    return liveness


def living_workers_and_plans(
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


def publish_plan(
    store: Store,
    config: StudyConfig,
    plan: Plan,
    attempts: Mapping[str, int],
    number: int,
    owner: str = "",
) -> None:
    """Write a plan to the queue of a study; needs the lock.

    Args:
        store: The study.
        config: The configuration of the command.
        plan: The runs; if there are none, no plan is written. Without predicted times, the workers
            measure and group the runs.
        attempts: The attempt number of each run.
        number: The number of the command in the study.
        owner: The id of the worker with which the plan ends; empty for a standing plan.

    Raises:
        StoreError: If the file cannot be written.
    """
    if not plan.specs:
        return
    cluster = config.execution.cluster
    measured = bool(plan.costs.timings) or len(plan.specs) == 1
    groups = plan.groups(store.checkpoints.existing().values())
    shares = make_shares(groups, plan.costs)
    header = PlanHeader(
        overrides=config.overrides,
        owner=owner,
        lease_seconds=config.execution.lease_seconds,
        share_runs=tuple(sum(len(group.specs) for group in share) for share in shares),
        share_seconds=tuple(share_seconds(share, plan.costs) for share in shares),
        mixed_versions=config.execution.mixed_versions,
        executor=cluster.name if cluster else "",
    )
    planned = [
        [PlannedGroup(group.specs, attempts, grouped=measured) for group in share]
        for share in shares
    ]
    with storage_errors(store.folder):
        store.files.create(plan_file(number), encode_plan(header, planned))
