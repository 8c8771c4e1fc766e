"""The execution pipeline: plan, remove the stored runs, reserve, train, store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from adamcmp.config import Execution, Numerics, StudyConfig
from adamcmp.errors import counted
from adamcmp.execution.autotuning import (
    autotuned,
    autotuned_without_compiling,
    can_measure,
    discard_wrong_timings,
)
from adamcmp.execution.executors import Executor
from adamcmp.execution.heartbeats import ProcessStatus, WorkerRecord
from adamcmp.execution.job_count import jobs_of_plan, with_workers_of_jobs
from adamcmp.execution.liveness import worker_records
from adamcmp.execution.observer import NO_OBSERVER, Observer
from adamcmp.execution.open_plans import plan_cancelled
from adamcmp.execution.publishing import Request, published, record_command, unfinished
from adamcmp.execution.remote import train_on_cluster
from adamcmp.execution.scheduler import Scheduler
from adamcmp.execution.signals import deferred_signals
from adamcmp.execution.worker_processes import WorkerProcesses, process_count
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan, make_plan
from adamcmp.planning.specs import RunSpec
from adamcmp.platform.addresses import Address, study_arguments
from adamcmp.storage.metadata import requested_runs
from adamcmp.storage.rows import RunRow
from adamcmp.storage.store import Store
from adamcmp.training.outcome import Outcome


@dataclass(frozen=True)
class ExecutionResult:
    """The state of the requested runs after an execution.

    Attributes:
        folder: The study's folder or URL.
        specs: The runs, each once.
        trained: The ids of those that this execution trained.
        outcomes: How those that are stored ended, by id.
        in_progress: The ids of those that another process is training, with its status.
        jobs: The jobs of a cluster that go on training runs.
    """

    folder: Address
    specs: tuple[RunSpec, ...]
    trained: tuple[str, ...] = ()
    outcomes: Mapping[str, RunRow] = field(default_factory=dict)
    in_progress: Mapping[str, ProcessStatus] = field(default_factory=dict)
    jobs: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        """The ids of the runs that crashed, in this execution or before."""
        return tuple(run_id for run_id, row in self.outcomes.items() if row.status == "failed")

    @property
    def in_progress_message(self) -> str:
        """Which process trains the runs that this execution did not train."""
        other = next(iter(self.in_progress.values()))
        return (
            f"{len(self.in_progress)} of {len(self.specs)} runs are being trained by process "
            f"{other.pid} on {other.host}, which has trained {other.done} of its {other.runs} runs "
            f"(`adamcmp ls {study_arguments(self.folder)}` shows its progress). Repeat this "
            f"command after it has ended."
        )

    @property
    def jobs_message(self) -> str:
        """Which jobs train the runs that are not stored, and how to wait for them."""
        left, study = len(self.specs) - len(self.outcomes), study_arguments(self.folder)
        return (
            f"{counted(left, 'run')} left for {counted(len(self.jobs), 'job')}, which may have to "
            f"wait (`adamcmp ls {study}` shows the progress, `adamcmp logs {study}` the output). "
            f"The same command without --detach waits for them; `adamcmp cancel {study}` cancels "
            f"them."
        )


def execute(
    config: StudyConfig,
    observer: Observer = NO_OBSERVER,
    *,
    retrained_statuses: Collection[str] = (),
    workers: WorkerProcesses | None = None,
    detach: bool = False,
) -> ExecutionResult:
    """Train the runs of a study that are not stored yet.

    Args:
        config: The runs, and where and how they are trained.
        observer: Receives events.
        retrained_statuses: Statuses of stored runs that are trained again, such as ``failed``.
        workers: Worker processes to use; None starts new ones and ends them afterwards.
        detach: Whether to leave the runs to the jobs of a cluster, once these are started.

    Raises:
        AdamcmpError: If a requested run cannot be trained; nothing is written in this case.
        RunFailed: If the plan of the runs is cancelled; runs that ended are stored.
        Interrupted: If a signal arrives; runs that ended are stored.
    """
    store = Store(config.location.folder)
    plan, missing = _planned(config, store, retrained_statuses)
    if not missing.specs:
        if requested_runs(store.folder) > len(store.statuses()):
            with store.locked():
                record_command(store, config, plan)
        observer.on_planned(plan, ())
        return _result(store, plan)
    if config.execution.cluster is not None:
        request = Request(config, plan, missing, retrained_statuses)
        with deferred_signals() as interrupted:
            done = train_on_cluster(store, request, observer, interrupted, detach=detach)
        return replace(_result(store, plan, done.run_ids), jobs=done.jobs)
    with deferred_signals() as interrupted, _started(workers) as pool:
        executor = pool.executor(config.execution, plan.numerics, len(missing.specs), interrupted)
        # Also checks each kind of run: an error here leaves the study untouched.
        measured = autotuned(missing, executor, interrupted, observer.on_notice)
        request = Request(config, plan, measured, retrained_statuses)
        with published(store, request, interrupted, observer.on_notice) as published_plan:
            observer.on_planned(plan.with_costs(measured.costs), published_plan.groups)
            observer = _discarding_wrong_timings(measured, observer)
            every, runs = config.execution.checkpoint_every, len(published_plan.attempts)
            reservations = published_plan.reservations
            Scheduler(executor, store, reservations, runs, observer, every, interrupted).run()
    trained = published_plan.trained(store.outcomes())
    if left := len(published_plan.attempts) - len(trained):
        raise plan_cancelled(left)
    return _result(store, plan, trained, published_plan.planned_by_others)


def _planned(
    config: StudyConfig, store: Store, retrained_statuses: Collection[str]
) -> tuple[Plan, Plan]:
    """Return the plan of a request, and the plan of those of its runs that are not finished."""
    plan = make_plan(config, store.numerics())
    return plan, unfinished(plan, store, retrained_statuses)


def _discarding_wrong_timings(plan: Plan, observer: Observer) -> Observer:
    """Return an observer that also compares each group's time with the predicted one."""

    def on_finished(group: LaneGroup, outcome: Outcome) -> None:
        discard_wrong_timings(plan.costs, plan.numerics, group, outcome)
        observer.on_finished(group, outcome)

    return replace(observer, on_finished=on_finished)


def _result(
    store: Store,
    plan: Plan,
    run_ids: Collection[str] = (),
    others: Mapping[str, WorkerRecord] | None = None,
) -> ExecutionResult:
    """Return the result, read from the store."""
    stored = store.outcomes()
    store.checkpoints.remove_finished(stored)
    current = {record.status.pid: record for record in worker_records(store.files).values()}
    in_progress = {
        run_id: current.get(record.status.pid, record).status
        for run_id, record in (others or {}).items()
        if run_id not in stored
    }
    outcomes = {run_id: stored[run_id] for run_id in plan.run_ids if run_id in stored}
    trained = tuple(run_id for run_id in run_ids if run_id in stored)
    return ExecutionResult(store.folder, plan.specs, trained, outcomes, in_progress)


def _started(workers: WorkerProcesses | None) -> AbstractContextManager[WorkerProcesses]:
    return WorkerProcesses() if workers is None else nullcontext(workers)


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
    plan, pending = _planned(config, store, retrained_statuses)
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


def study_numerics(all_stages: StudyConfig, on_notice: Callable[[str], None]) -> Numerics:
    """Return the numerics of a study whose runs are planned in stages.

    The first stage must be trained with the numerics of all stages: the number of all runs decides
    whether compiling pays.

    Args:
        all_stages: The runs of all stages; placeholders for those that are not known yet.
        on_notice: Called with messages to the user.

    Raises:
        AdamcmpError: If the request contradicts the existing study.
    """
    plan = make_plan(all_stages, Store(all_stages.location.folder).numerics())
    if plan.notice:
        on_notice(plan.notice)
    return plan.numerics
