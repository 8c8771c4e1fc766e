"""Plans that stay open until their runs are stored."""

from __future__ import annotations

import json
from collections.abc import Callable

from adamcmp.config import Execution
from adamcmp.errors import ConfigError, Interrupted, counted
from adamcmp.execution.open_plans import (
    OpenPlan,
    available_runs,
    check_versions,
    next_attempts,
    read_plan,
)
from adamcmp.execution.publishing import await_plan_owners, living_workers_and_plans, publish_plan
from adamcmp.execution.requests import Request, record_command, unfinished
from adamcmp.execution.signals import InterruptedBy
from adamcmp.platform.addresses import study_arguments
from adamcmp.storage.store import Store


def publish_standing(
    store: Store,
    request: Request,
    interrupted: InterruptedBy,
    on_notice: Callable[[str], None],
) -> tuple[OpenPlan, ...]:
    """Publish a plan that stays open until its runs are stored.

    Runs that standing plans already have are left to these.

    Args:
        store: The study, which is created if it does not exist.
        request: The runs to train.
        interrupted: Returns the signal that has arrived, if any.
        on_notice: Called with messages to the user.

    Returns:
        All standing plans with requested runs, the new one last; empty if no run is left to plan.

    Raises:
        ConfigError: If some of the runs are in a standing plan that has others too, another
            process is training some, or such a plan was made with other versions or options.
        Interrupted: If a signal has arrived; nothing is written.
        StoreError: If the study cannot be written or locked.
    """
    liveness = await_plan_owners(store.files, interrupted, on_notice)
    if number := interrupted():
        raise Interrupted(number, "nothing was planned")
    with store.locked():
        living, plans = living_workers_and_plans(store, liveness)
        # Read once: a run that is stored meanwhile belongs to a plan that is listed already.
        outcomes = store.outcomes()
        pending = unfinished(request.missing, outcomes, request.retrained_statuses)
        available = available_runs(pending.run_ids, plans, living, outcomes, store.folder)
        if available.planned:
            status = next(iter(available.planned.values())).status
            raise ConfigError(
                f"Process {status.pid} on {status.host} is training "
                f"{counted(len(available.planned), 'run')} of these. "
                f"`adamcmp worker {study_arguments(store.folder)}` helps it."
            )
        for plan in available.adopted:
            check_versions(plan, store.folder)
            _check_options(request, plan, store)
        if available.adopted and not available.run_ids:
            return available.adopted
        number = record_command(store, request.config, request.plan)
        planned = pending.only(available.run_ids)
        attempts = next_attempts(planned.run_ids, outcomes)
        publish_plan(store, request.config, planned, attempts, number)
    new = read_plan(store.files, number)
    return (*available.adopted, new) if new else available.adopted


def _check_options(request: Request, plan: OpenPlan, store: Store) -> None:
    """Check that an open plan has the options that the command requests."""
    for name in ("lease_seconds", "mixed_versions"):
        requested, default = (
            getattr(each, name) for each in (request.config.execution, Execution())
        )
        if requested not in (default, getattr(plan.header, name)):
            option = f"{name}={json.dumps(requested)}"
            raise ConfigError(
                f"{option}: plan {plan.number} of study {store.folder.name!r} has some of these "
                f"runs and was made without it. Remove the plan with `adamcmp cancel "
                f"{study_arguments(store.folder)}`, and repeat this command."
            )
