"""The number of jobs that train a plan on a cluster, and of worker processes in each."""

from __future__ import annotations

import math
from dataclasses import replace

from adamcmp.components.executors import ClusterSettings
from adamcmp.config import Execution, Numerics
from adamcmp.execution.shares import make_shares
from adamcmp.planning.cost_model import sum_if_known
from adamcmp.planning.plan import Plan


def processes_per_worker(execution: Execution, cluster: ClusterSettings, numerics: Numerics) -> int:
    """Return the number of worker processes of each worker of a job.

    Args:
        execution: The requested number of worker processes.
        cluster: The cores and GPUs of a job.
        numerics: The threads of each process.
    """
    if execution.workers is not None:
        return execution.workers
    return 1 if cluster.gpus else max(cluster.cores // (numerics.threads or 1), 1)


def job_count(seconds: float | None, shares: int, cluster: ClusterSettings, processes: int) -> int:
    """Return the number of jobs for a plan.

    Args:
        seconds: Predicted time of the plan in one process; None if it is unknown.
        shares: Number of parts that can be trained at once.
        cluster: The largest number of jobs, and the GPUs of each.
        processes: See `processes_per_worker`.

    >>> from adamcmp.components.executors.slurm import SlurmSettings
    >>> cluster = SlurmSettings(name="slurm", jobs=32)
    >>> [job_count(3600.0 * hours, 100, cluster, processes=4) for hours in (0.1, 3, 100)]
    [1, 3, 25]
    """
    at_once = processes * max(cluster.gpus, 1)
    useful = math.ceil(shares / at_once)
    if seconds is not None:
        useful = min(useful, math.ceil(seconds / at_once / cluster.job_seconds))
    return max(min(useful, cluster.jobs), 1)


def jobs_of_plan(plan: Plan, execution: Execution, cluster: ClusterSettings) -> int:
    """Return the number of jobs that train a plan.

    Args:
        plan: The plan, as `with_workers_of_jobs` returns it.
        execution: The requested number of worker processes.
        cluster: The cluster.
    """
    groups = plan.groups()
    seconds = sum_if_known(map(plan.costs.seconds, groups))
    processes = processes_per_worker(execution, cluster, plan.numerics)
    return job_count(seconds, len(make_shares(groups, plan.costs)), cluster, processes)


def with_workers_of_jobs(plan: Plan, execution: Execution, cluster: ClusterSettings) -> Plan:
    """Return a plan whose groups and predicted time fit the jobs of a cluster.

    Args:
        plan: A plan with the predicted times of one process. Its groups can be divided.
        execution: The requested number of worker processes.
        cluster: The cluster.
    """
    seconds = sum_if_known(map(plan.costs.seconds, plan.groups()))
    processes = processes_per_worker(execution, cluster, plan.numerics)
    jobs = job_count(seconds, len(plan.specs), cluster, processes)
    return plan.with_costs(replace(plan.costs, workers=jobs * processes * max(cluster.gpus, 1)))
