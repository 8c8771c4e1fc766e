"""Write a plan that waits for workers, and cancel the plans of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adamcmp.config import StudyConfig
from adamcmp.errors import ConfigError, StoreError
from adamcmp.execution.launched_jobs import launched_jobs, study_launcher
from adamcmp.execution.open_plans import read_plan
from adamcmp.execution.queue_files import list_queue, remove_plan
from adamcmp.execution.requests import Request
from adamcmp.execution.standing_plans import publish_standing
from adamcmp.planning.cost_model import sum_if_known
from adamcmp.platform.addresses import Address
from adamcmp.platform.files import storage_errors
from adamcmp.storage.reader import study_folder
from adamcmp.storage.store import Store
from adamcmp.workflows.composing import study_composer
from adamcmp.workflows.dry_run import preview_configuration
from adamcmp.workflows.training import TrainingOptions


@dataclass(frozen=True)
class StandingPlans:
    """Plans that wait for workers.

    Attributes:
        folder: The study's folder.
        numbers: The numbers of the plans; empty if all runs are stored already.
        runs: Number of runs of the plans that are not stored.
        shares: Number of their shares.
        seconds: Predicted seconds of one worker process; None if they are unknown.
        imports_code: Whether the runs have classes of the user's code.
    """

    folder: Address
    numbers: tuple[int, ...] = ()
    runs: int = 0
    shares: int = 0
    seconds: float | None = None
    imports_code: bool = False


def write_plan(
    overrides: Sequence[str], config_dir: str | None, options: TrainingOptions
) -> StandingPlans:
    """Write the plan of a grid, for workers to train; train nothing.

    Args:
        overrides: See `adamcmp.workflows.sweep.configure_sweep`.
        config_dir: A folder of the user's yaml files.
        options: Which stored runs are trained again.

    Raises:
        ConfigError: If an override is invalid or starts jobs of a cluster, the runs are a search,
            or some of them are in another plan.
        StoreError: If the study cannot be written.
    """
    composer = study_composer(config_dir)
    if composer.is_search(overrides):
        raise ConfigError(
            "--plan-only needs a grid: a search proposes its runs while it trains. Start it "
            "without --plan-only."
        )
    config = composer.sweep(overrides)
    if config.execution.cluster is not None:
        raise ConfigError(
            f"--plan-only starts no jobs. Remove it, or executor={config.execution.executor_name}."
        )
    return _write(config, options)


def _write(config: StudyConfig, options: TrainingOptions) -> StandingPlans:
    planned = preview_configuration(lambda: config, options)
    store = Store(planned.folder)
    if not planned.pending.specs:
        return StandingPlans(planned.folder)
    request = Request(config, planned.plan, planned.pending, options.retrained_statuses)
    published = publish_standing(store, request, lambda: None, options.on_notice)
    outcomes = store.outcomes()
    plans = [plan for plan in published if plan.missing(outcomes)]  # workers may train them now
    seconds = [each for plan in plans for each in plan.header.share_seconds]
    return StandingPlans(
        planned.folder,
        tuple(plan.number for plan in plans),
        sum(len(plan.missing(outcomes)) for plan in plans),
        len(seconds),
        sum_if_known(seconds),
        config.imports_code,
    )


@dataclass(frozen=True)
class Cancelled:
    """What `cancel` has removed.

    Attributes:
        plans: The numbers of the plans.
        runs: Number of their runs that are not stored; None if a plan could not be read.
        notices: What could not be read.
    """

    plans: tuple[int, ...]
    runs: int | None
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
    missing: list[int | None] = []
    notices = []
    with storage_errors(store.folder):
        numbers = list_queue(store.files).plans
        for number in numbers:
            launched = None
            try:
                plan = read_plan(store.files, number)
                missing.append(len(plan.missing(outcomes)) if plan else 0)
            except (ConfigError, StoreError):
                missing.append(None)
                notices.append(f"Plan {number} could not be read, so its runs are not counted.")
            try:
                launched = launched_jobs(store.files, number)
            except StoreError as error:
                notices.append(f"Jobs of plan {number} were not cancelled: {error}")
            remove_plan(store.files, number)  # first, so that no command replaces the jobs
            if launched is not None:
                study_launcher(store.files, launched.cluster).cancel(launched.jobs)
    known = [count for count in missing if count is not None]
    runs = sum(known) if len(known) == len(missing) else None
    return Cancelled(tuple(numbers), runs, tuple(notices))
