"""What a command would train, without training: for ``--dry-run`` and ``--plan-only``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from adamcmp.config import Execution, StudyConfig
from adamcmp.execution.autotuning import autotuned_without_compiling, can_measure
from adamcmp.execution.executors import Executor
from adamcmp.execution.job_count import jobs_of_plan, with_workers_of_jobs
from adamcmp.execution.requests import requested_and_missing
from adamcmp.execution.worker_processes import process_count
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.platform.addresses import Address
from adamcmp.storage.store import Store


@dataclass(frozen=True)
class Preview:
    """What a command would train.

    Attributes:
        folder: The study's folder or URL.
        plan: The requested runs.
        pending: The plan of those that would be trained, with predicted times.
        groups: The groups in which they would be trained.
        jobs: The number of jobs of a cluster that would train them; 0 without a cluster.
    """

    folder: Address
    plan: Plan
    pending: Plan
    groups: tuple[LaneGroup, ...]
    jobs: int = 0


def preview(
    config: StudyConfig, executor: Executor, *, retrained_statuses: Collection[str] = ()
) -> Preview:
    """Return what `execute` would do, without writing to the study's folder.

    Args:
        config: The runs, and where and how they would be trained.
        executor: Measures kinds of runs that were not measured on this machine yet.
        retrained_statuses: As for `execute`.

    Raises:
        AdamcmpError: If a requested run cannot be trained.
    """
    store = Store(config.location.folder)
    plan, pending = requested_and_missing(config, store, retrained_statuses)
    if can_measure(plan.numerics.device):
        pending = _measured(pending, config.execution, executor)
    groups = pending.groups(store.checkpoints.existing().values())
    cluster = config.execution.cluster
    jobs = jobs_of_plan(pending, config.execution, cluster) if cluster and groups else 0
    return Preview(store.folder, plan, pending, groups, jobs)


def _measured(plan: Plan, execution: Execution, executor: Executor) -> Plan:
    """Return a plan with the predicted times of the processes that would train it."""
    if execution.cluster is not None:
        plan = autotuned_without_compiling(plan, executor, workers=1)
        return with_workers_of_jobs(plan, execution, execution.cluster)
    workers = max(min(process_count(execution, plan.numerics), len(plan.specs)), 1)
    return autotuned_without_compiling(plan, executor, workers)
