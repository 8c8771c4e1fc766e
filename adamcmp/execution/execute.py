"""The execution pipeline: plan, remove the stored runs, reserve, train, store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from adamcmp.config import Numerics, StudyConfig
from adamcmp.errors import counted
from adamcmp.execution.attached_plans import attached_plan
from adamcmp.execution.autotuning import (
    autotuned,
    discard_wrong_timings,
)
from adamcmp.execution.cluster_training import train_on_cluster
from adamcmp.execution.heartbeats import ProcessStatus, WorkerRecord
from adamcmp.execution.liveness import worker_records
from adamcmp.execution.observer import NO_OBSERVER, Observer
from adamcmp.execution.open_plans import plan_cancelled
from adamcmp.execution.requests import Request, record_command, requested_and_missing
from adamcmp.execution.scheduler import Scheduler
from adamcmp.execution.signals import deferred_signals
from adamcmp.execution.worker_processes import WorkerProcesses
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
        trained: The ids of those that were stored during this execution.
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
            f"Process {other.pid} on {other.host} is training "
            f"{counted(len(self.in_progress), 'run')} of this command. It has trained {other.done} "
            f"of its {counted(other.runs, 'run')} (`adamcmp ls {study_arguments(self.folder)}` "
            f"shows its progress). Repeat this command after it has ended."
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
    plan, missing = requested_and_missing(config, store, retrained_statuses)
    request = Request(config, plan, missing, retrained_statuses)
    if not missing.specs:
        # Of a repeated command, the last record counts: it may have fewer later runs than before.
        if requested_runs(store.folder) > len(store.statuses()):
            with store.locked():
                record_command(store, config, plan)
        observer.on_planned(plan, ())
        return _result(store, plan)
    if config.execution.cluster is None:
        return _train(store, request, observer, workers)
    with deferred_signals() as interrupted:
        done = train_on_cluster(store, request, observer, interrupted, detach=detach)
    return replace(_result(store, plan, done.run_ids), jobs=done.jobs)


def _train(
    store: Store, request: Request, observer: Observer, workers: WorkerProcesses | None
) -> ExecutionResult:
    """Train runs on this machine."""
    plan, missing, execution = request.plan, request.missing, request.config.execution
    with deferred_signals() as interrupted, _started(workers) as processes:
        executor = processes.executor(execution, plan.numerics, len(missing.specs), interrupted)
        # Also checks each kind of run: an error here leaves the study untouched.
        measured = autotuned(missing, executor, interrupted, observer.on_notice)
        request = replace(request, missing=measured)
        with attached_plan(store, request, interrupted, observer.on_notice) as attached:
            observer.on_planned(plan.with_costs(measured.costs), attached.groups)
            observer = _discarding_wrong_timings(measured, observer)
            Scheduler(
                executor,
                store,
                attached.reservations,
                len(attached.attempts),
                observer,
                execution.checkpoint_every,
                interrupted,
            ).run()
    trained = attached.trained(store.outcomes())
    if left := len(attached.attempts) - len(trained):
        raise plan_cancelled(left)
    return _result(store, plan, trained, attached.planned_by_others)


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
    """Return the result, read from the store; remove the checkpoints of the stored runs."""
    stored = store.outcomes()
    store.checkpoints.remove_finished(stored)
    current = {_process(record): record for record in worker_records(store.files).values()}
    in_progress = {
        run_id: current.get(_process(record), record).status
        for run_id, record in (others or {}).items()
        if run_id not in stored
    }
    outcomes = {run_id: stored[run_id] for run_id in plan.run_ids if run_id in stored}
    trained = tuple(run_id for run_id in run_ids if run_id in stored)
    return ExecutionResult(store.folder, plan.specs, trained, outcomes, in_progress)


def _process(record: WorkerRecord) -> tuple[str, int]:
    """Return what names the process of a worker: ids of processes repeat on other machines."""
    return record.machine, record.status.pid


def _started(workers: WorkerProcesses | None) -> AbstractContextManager[WorkerProcesses]:
    return WorkerProcesses() if workers is None else nullcontext(workers)


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
