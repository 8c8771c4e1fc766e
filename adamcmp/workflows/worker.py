"""Write a plan for workers, train its runs, show the output of its jobs, and cancel it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from adamcmp.config import Execution, StudyConfig
from adamcmp.errors import ConfigError, StoreError
from adamcmp.execution.launched_jobs import JOBS_FOLDER, launched_jobs, study_launcher
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import read_plan
from adamcmp.execution.publishing import Request, publish_standing
from adamcmp.execution.queue_files import list_queue, remove_plan
from adamcmp.execution.remote import imports_code
from adamcmp.execution.work import WorkRequest, WorkResult, current_plans, work
from adamcmp.platform.addresses import Address
from adamcmp.platform.files import storage_errors
from adamcmp.storage.reader import study_folder
from adamcmp.storage.store import Store
from adamcmp.workflows.composing import study_composer
from adamcmp.workflows.dry_run import plan_only
from adamcmp.workflows.execution_overrides import parse_execution
from adamcmp.workflows.training import TrainingOptions

#: Shows the progress of a number of runs: a context manager that yields an observer.
WorkDisplay = Callable[[int], AbstractContextManager[Observer]]


@dataclass(frozen=True)
class StandingPlan:
    """A plan that waits for workers.

    Attributes:
        folder: The study's folder.
        number: The number of the plan; None if all runs are stored already.
        runs: Number of runs of the plan that are not stored.
        shares: Number of its shares.
        seconds: Predicted seconds of one worker process; None if they are unknown.
        imports_code: Whether the runs have classes of the user's code.
    """

    folder: Address
    number: int | None
    runs: int = 0
    shares: int = 0
    seconds: float | None = None
    imports_code: bool = False


def write_plan(
    overrides: Sequence[str], config_dir: str | None, options: TrainingOptions
) -> StandingPlan:
    """Write the plan of a grid, for workers to train; train nothing.

    Args:
        overrides: See `adamcmp.workflows.sweep.configure_sweep`.
        config_dir: A folder of the user's yaml files.
        options: Which stored runs are trained again.

    Raises:
        ConfigError: If an override is invalid, the runs are a search, or some of them are in
            another plan.
        StoreError: If the study cannot be written.
    """
    composer = study_composer(config_dir)
    if composer.is_search(overrides):
        raise ConfigError(
            "--plan-only needs a grid: the runs of a search depend on the results of earlier ones."
        )
    return _write(composer.sweep(overrides), options)


def _write(config: StudyConfig, options: TrainingOptions) -> StandingPlan:
    planned = plan_only(lambda: config, options)
    store = Store(planned.folder)
    if not planned.pending.specs:
        return StandingPlan(planned.folder, None)
    request = Request(config, planned.plan, planned.pending, options.retrained_statuses)
    plan = publish_standing(store, request, lambda: None, options.on_notice)
    if plan is None:
        return StandingPlan(planned.folder, None)
    header = plan.header
    known = [each for each in header.share_seconds if each is not None]
    seconds = sum(known) if len(known) == len(header.share_seconds) else None
    runs = len(plan.missing(store.outcomes()))
    code = imports_code(config.runs)
    return StandingPlan(planned.folder, plan.number, runs, len(header.share_runs), seconds, code)


@dataclass(frozen=True)
class WorkerRequest:
    """What ``adamcmp worker`` does.

    Attributes:
        root: The folder of all studies.
        study: The study's name.
        overrides: Settings of execution, such as ``"workers=2"``.
        plan: The number of a plan; None for all open plans.
        minutes: Minutes after which the worker stops; None for no limit.
    """

    root: Address
    study: str
    overrides: Sequence[str] = ()
    plan: int | None = None
    minutes: float | None = None


def run_worker(request: WorkerRequest, display: WorkDisplay) -> WorkResult:
    """Train shares of the open plans of a study.

    Args:
        request: What to do.
        display: Shows the progress.

    Raises:
        ConfigError: If there is no such plan, or this worker may not train it.
        NotFound: If the study does not exist.
        StoreError: If the study cannot be read or written.
        Interrupted: If a signal arrives; the finished work is stored.
    """
    if request.minutes is not None and not request.minutes > 0:  # NaN is not greater either
        raise ConfigError(f"--minutes {request.minutes:g}: should be greater than 0.")
    execution = _execution(request.overrides)
    store = Store(study_folder(request.root, request.study))
    seconds = None if request.minutes is None else 60 * request.minutes
    outcomes = store.outcomes()
    plans = [each for each in current_plans(store) if request.plan in (None, each.number)]
    runs = sum(len(plan.missing(outcomes)) for plan in plans)
    with display(runs) as observer:
        return work(store, WorkRequest(execution, request.plan, seconds), observer)


def _execution(overrides: Sequence[str]) -> Execution:
    """Return the settings of a worker's execution.

    Raises:
        ConfigError: If an override is not a setting of workers.
    """
    of_plan = ("lease_seconds", "mixed_versions")
    for override in overrides:
        key, _, value = override.partition("=")
        if key in of_plan:
            raise ConfigError(
                f"{override}: only the command that writes the plan can set this. Remove it."
            )
        if key == "results":
            raise ConfigError(f"{override}: name the results folder by --results {value}.")
    execution = parse_execution("worker", overrides, without=of_plan)
    if execution.cluster is not None:
        raise ConfigError(
            f"executor={execution.executor_name}: a worker trains on its own machine. Choose "
            f"executor=pool or executor=serial."
        )
    return execution


def job_outputs(root: Address, study: str, lines: int) -> dict[Path, list[str]]:
    """Return the last lines of the output of each job of a study, the latest job last.

    Args:
        root: The folder of all studies.
        study: The study's name.
        lines: Number of lines.

    Raises:
        ConfigError: If `lines` is not positive.
        NotFound: If the study does not exist.
    """
    if lines < 1:
        raise ConfigError(f"--lines {lines}: should be at least 1.")
    folder = Store(study_folder(root, study)).files.path / JOBS_FOLDER
    logs = [path for pattern in ("*.out", "*.log") for path in folder.glob(pattern)]
    return {
        path: path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        for path in sorted(logs, key=lambda path: path.stat().st_mtime_ns)
    }


@dataclass(frozen=True)
class Cancelled:
    """What `cancel` has removed.

    Attributes:
        plans: The numbers of the plans.
        runs: Number of their runs that are not stored, as far as the plans could be read.
        notices: What could not be read.
    """

    plans: tuple[int, ...]
    runs: int
    notices: tuple[str, ...]


def cancel(root: Address, study: str) -> Cancelled:
    """Remove the open plans of a study, and cancel their jobs. Workers save checkpoints and end.

    Args:
        root: The folder of all studies.
        study: The study's name.

    Raises:
        NotFound: If the study does not exist.
        StoreError: If the study cannot be written.
        ClusterError: If a cluster with jobs of a plan does not answer.
    """
    store = Store(study_folder(root, study))
    outcomes = store.outcomes()
    numbers, runs, notices = list_queue(store.files).plans, 0, []
    with storage_errors(store.folder):
        for number in numbers:
            launched = None
            try:
                plan = read_plan(store.files, number)
                runs += len(plan.missing(outcomes)) if plan else 0
            except (ConfigError, StoreError):
                notices.append(f"Plan {number} could not be read, so its runs are not counted.")
            try:
                launched = launched_jobs(store.files, number)
            except StoreError as error:
                notices.append(f"Jobs of plan {number} were not cancelled: {error}")
            remove_plan(store.files, number)  # first, so that no command replaces the jobs
            if launched is not None:
                study_launcher(store.files, launched.cluster).cancel(launched.jobs)
    return Cancelled(tuple(numbers), runs, tuple(notices))
