"""The runs that a command trains, and their record in the study."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from adamcmp.config import StudyConfig
from adamcmp.execution.autotuning import can_measure
from adamcmp.planning.plan import Plan, make_plan
from adamcmp.platform.provenance import hardware, software
from adamcmp.storage.rows import RunRow
from adamcmp.storage.store import Store


@dataclass(frozen=True)
class Request:
    """The runs that a command trains.

    Attributes:
        config: The configuration of the command.
        plan: All of its runs.
        missing: Those that were not stored when it was planned. They have predicted times once
            this machine has measured them.
        retrained_statuses: Statuses of stored runs that are trained again.
    """

    config: StudyConfig
    plan: Plan
    missing: Plan
    retrained_statuses: Collection[str] = ()


def unfinished(
    plan: Plan, outcomes: Mapping[str, RunRow], retrained_statuses: Collection[str]
) -> Plan:
    """Return a plan without the stored runs, except those with a status to train again.

    Args:
        plan: The requested runs.
        outcomes: The stored runs, by id.
        retrained_statuses: The statuses.
    """
    return plan.without({r for r, row in outcomes.items() if row.status not in retrained_statuses})


def requested_and_missing(
    config: StudyConfig, store: Store, retrained_statuses: Collection[str]
) -> tuple[Plan, Plan]:
    """Return the plan of all requested runs, and the plan of those to train.

    Args:
        config: The configuration of the command.
        store: The study.
        retrained_statuses: As for `execute`.

    Raises:
        AdamcmpError: If the request contradicts the existing study.
    """
    plan = make_plan(config, store.numerics())
    return plan, unfinished(plan, store.outcomes(), retrained_statuses)


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
