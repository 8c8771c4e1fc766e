"""Plans that stay open until their runs are stored."""

from __future__ import annotations

from collections.abc import Callable

from adamcmp.errors import ConfigError, Interrupted, counted
from adamcmp.execution.open_plans import OpenPlan, available_runs, read_plan
from adamcmp.execution.publishing import (
    Request,
    await_plan_owners,
    living_workers_and_plans,
    publish_plan,
    record_command,
    unfinished,
)
from adamcmp.execution.signals import InterruptedBy
from adamcmp.platform.addresses import study_arguments
from adamcmp.storage.store import Store


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
    liveness = await_plan_owners(store.files, interrupted, on_notice)
    if number := interrupted():
        raise Interrupted(number, "nothing was planned")
    with store.locked():
        living, plans = living_workers_and_plans(store, liveness)
        pending = unfinished(request.missing, store, request.retrained_statuses)
        available = available_runs(pending.run_ids, plans, living, store.outcomes(), store.folder)
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
