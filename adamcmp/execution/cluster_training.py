"""Train runs by jobs of a cluster: publish their plan, start jobs, wait until all are stored."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adamcmp.components.executors import ClusterSettings
from adamcmp.errors import ConfigError, Interrupted, counted
from adamcmp.execution.autotuning import autotuned, can_measure
from adamcmp.execution.executors import Serial
from adamcmp.execution.job_count import job_count, processes_per_worker, with_workers_of_jobs
from adamcmp.execution.launched_jobs import JOBS_FOLDER, remove_job_record, study_launcher
from adamcmp.execution.launchers import ClusterError, Launcher, WorkerCommand
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import OpenPlan, current_plans, plan_cancelled
from adamcmp.execution.plan_jobs import PlanJobs
from adamcmp.execution.queue_files import list_queue, remove_plan
from adamcmp.execution.requests import Request
from adamcmp.execution.signals import InterruptedBy
from adamcmp.execution.standing_plans import publish_standing
from adamcmp.execution.stored_runs import StoredRuns
from adamcmp.planning.cost_model import sum_if_known
from adamcmp.planning.plan import Plan
from adamcmp.platform.addresses import study_arguments
from adamcmp.platform.files import storage_errors
from adamcmp.storage.store import Store

#: Least seconds between two looks for stored runs; more if a look takes long, in a large study.
STORE_SECONDS = 2.0
#: Seconds between two looks for jobs that have ended.
JOB_SECONDS = 10.0
#: Seconds between two looks for a signal.
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class ClusterResult:
    """What the jobs of a cluster train.

    Attributes:
        run_ids: The runs that were not stored when the command began.
        jobs: The jobs that continue to train them; empty once all are stored.
    """

    run_ids: tuple[str, ...]
    jobs: tuple[str, ...] = ()


def train_on_cluster(
    store: Store,
    request: Request,
    observer: Observer,
    interrupted: InterruptedBy,
    *,
    detach: bool = False,
) -> ClusterResult:
    """Train runs by jobs of a cluster, or wait for the jobs that train them already.

    Args:
        store: The study, which is created if it does not exist.
        request: The runs to train.
        observer: Receives events.
        interrupted: Returns the signal that has arrived, if any.
        detach: Whether to return as soon as the jobs are started.

    Raises:
        ConfigError: If a setting is wrong, or a run cannot be trained; nothing is written.
        ClusterError: If the cluster refuses the jobs; no plan is left.
        RunFailed: If the jobs end without training the runs.
        Interrupted: If a signal arrives; jobs that outlive the command continue.
    """
    cluster = request.config.execution.cluster
    assert cluster is not None
    launcher = study_launcher(store.files, cluster)
    if detach and not launcher.jobs_outlive_command:
        raise ConfigError(
            f"--detach: the jobs of executor={cluster.name} end with the command. Remove --detach."
        )
    with contextlib.closing(launcher):
        training = ClusterTraining(store, request, launcher, observer, interrupted)
        training.start()
        if detach:
            return ClusterResult(training.run_ids, tuple(training.living_jobs))
        training.wait()
    return ClusterResult(training.run_ids)


@dataclass
class ClusterTraining:
    """The jobs of the plans that hold the runs of a command.

    Attributes:
        store: The study.
        request: The runs to train.
        launcher: Starts the jobs.
        observer: Receives events.
        interrupted: Returns the signal that has arrived, if any.
    """

    store: Store
    request: Request
    launcher: Launcher[Any]
    observer: Observer
    interrupted: InterruptedBy
    _jobs: list[PlanJobs] = field(init=False, default_factory=list)
    _stored: StoredRuns = field(init=False)
    _noticed: set[str] = field(init=False, default_factory=set)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The runs that were not stored at first."""
        return tuple(self._stored.specs)

    @property
    def living_jobs(self) -> list[str]:
        """The jobs that had not ended when their states were last read."""
        return [job for jobs in self._jobs for job in jobs.living]

    @property
    def _cluster(self) -> ClusterSettings:
        settings: ClusterSettings = self.launcher.settings
        return settings

    @property
    def _processes(self) -> int:
        """The number of worker processes of each worker."""
        numerics = self.request.plan.numerics
        return processes_per_worker(self.request.config.execution, self._cluster, numerics)

    def start(self) -> None:
        """Publish the plan and start its jobs, unless an earlier command has done so.

        Raises:
            ConfigError: If a setting is wrong, or a run cannot be trained; nothing is written.
            ClusterError: If the cluster refuses the jobs; no plan is left.
            StoreError: If the study cannot be read or written.
        """
        self.launcher.check()
        missing = self._with_costs()
        with storage_errors(self.store.folder):
            existing = list_queue(self.store.files).plans
        request = replace(self.request, missing=missing)
        publish_standing(self.store, request, self.interrupted, self.observer.on_notice)
        plans = self._plans(missing)
        specs = {spec.run_id: spec for spec in missing.specs}
        self._stored = StoredRuns(self.store, tuple(plans), specs, self.observer)
        self.observer.on_planned(self.request.plan.with_costs(missing.costs), missing.groups())
        self._jobs = [self._plan_jobs(plan) for plan in plans]
        with self.store.locked():  # so that the same command elsewhere does not start them too
            for jobs in self._jobs:
                self._start(jobs, existing)

    def wait(self) -> None:
        """Wait until all runs are stored; replace jobs that end before.

        Raises:
            RunFailed: If the jobs end without training the runs, or the plan is cancelled.
            Interrupted: If a signal arrives.
        """
        next_look = 0.0
        while any(jobs.is_open for jobs in self._jobs):
            started = time.monotonic()
            self._stored.report()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + JOB_SECONDS
                for jobs in self._jobs:
                    self._look_at(jobs)
            self._pause(max(STORE_SECONDS, 9 * (time.monotonic() - started)))
        self._stored.report()
        for jobs in self._jobs:
            with contextlib.suppress(ClusterError):
                jobs.cancel_waiting()
            remove_job_record(self.store.files, jobs.command.plan)
        left = sum(map(self._stored.missing, self._stored.plans))
        if left:
            raise plan_cancelled(left)

    def _with_costs(self) -> Plan:
        """Return the plan of the missing runs with predicted times, if this machine has the device.

        The times are those of this machine. Each kind of run is checked, too.
        """
        missing, notice = self.request.missing, self.observer.on_notice
        if not can_measure(missing.numerics.device):
            notice("This machine has no GPU, so the jobs measure and group the runs.")
            return missing
        measured = autotuned(missing, Serial(self.interrupted), self.interrupted, notice)
        return with_workers_of_jobs(measured, self.request.config.execution, self._cluster)

    def _plans(self, missing: Plan) -> list[OpenPlan]:
        """Return the standing plans that hold missing runs."""
        outcomes, run_ids = self.store.outcomes(), set(missing.run_ids)
        return [
            plan
            for plan in current_plans(self.store)
            if plan.standing and run_ids & plan.missing(outcomes)
        ]

    def _plan_jobs(self, plan: OpenPlan) -> PlanJobs:
        with storage_errors(self.store.folder):
            done = list_queue(self.store.files).done
        left = [plan.header.share_seconds[s.number] for s in plan.shares if s not in done]
        return PlanJobs(
            self.store.files,
            self.launcher,
            WorkerCommand(_location(self.store), plan.number, options=self._options()),
            job_count(sum_if_known(left), len(left), self._cluster, self._processes),
            lambda: self._stored.missing(plan),
        )

    def _options(self) -> tuple[str, ...]:
        config = self.request.config
        every = f"checkpoint_every={config.execution.checkpoint_every:g}"
        # This command has imported the classes that its runs name, since the user trusts them.
        trust = ["--allow-code"] if config.imports_code else []
        return (f"workers={self._processes}", every, *trust, *config.flags)

    def _start(self, jobs: PlanJobs, existing: Collection[int]) -> None:
        plan = jobs.command.plan
        try:
            started = jobs.start()
        except ClusterError:
            if plan not in existing:
                remove_plan(self.store.files, plan)
            raise
        command = "this command" if started else "an earlier command"
        self._notice(
            f"Submitted by {command}: {_listed(jobs.living)} of executor={self._cluster.name}; "
            f"output in {self.store.files.path / JOBS_FOLDER}"
        )

    def _look_at(self, jobs: PlanJobs) -> None:
        """Replace jobs that have ended. If the cluster does not answer, try again later."""
        try:
            jobs.replace_ended()
        except ClusterError as error:
            if not jobs.living:
                raise
            self._notice(f"{error} This command asks again in {JOB_SECONDS:.0f} s.")
        if jobs.waiting_reason:
            self._notice(f"Waiting: {_listed(jobs.living)} ({jobs.waiting_reason})")

    def _pause(self, seconds: float) -> None:
        """Wait until the next look for stored runs, or for a signal."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if number := self.interrupted():
                raise Interrupted(number, self._outlook())
            time.sleep(POLL_SECONDS)

    def _outlook(self) -> str:
        """Return what happens to the runs that are not stored when the command ends."""
        left = sum(map(self._stored.missing, self._stored.plans))
        if not self.launcher.jobs_outlive_command:
            return f"{counted(left, 'run')} left, and the jobs end"
        return (
            f"{counted(left, 'run')} left, which {_listed(self.living_jobs)} will go on to train "
            f"(`adamcmp cancel {study_arguments(self.store.folder)}` prevents it)"
        )

    def _notice(self, text: str) -> None:
        """Show a notice once."""
        if text not in self._noticed:
            self._noticed.add(text)
            self.observer.on_notice(text)


def _location(store: Store) -> str:
    """Return the absolute folder or the URL of a study."""
    files = store.files
    return str(files.path.absolute() if files.on_disk else files.address)


def _listed(jobs: Sequence[str]) -> str:
    """Return the ids of jobs for a message: of many, the first and the last.

    >>> _listed(["7_0"]), _listed([f"7_{i}" for i in range(9)])
    ('job 7_0', 'jobs 7_0 to 7_8')
    """
    ids = ", ".join(jobs) if len(jobs) < 4 else f"{jobs[0]} to {jobs[-1]}"
    return f"job{'s' * (len(jobs) != 1)} {ids}"
