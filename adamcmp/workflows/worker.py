"""Train runs that other commands have planned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from adamcmp.config import Execution
from adamcmp.errors import ConfigError
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import current_plans
from adamcmp.execution.worker import WorkerResult, train_open_plans
from adamcmp.platform.addresses import Address
from adamcmp.storage.reader import study_folder
from adamcmp.storage.store import Store
from adamcmp.workflows.execution_overrides import parse_execution

#: Shows the progress of a number of runs: a context manager that yields an observer.
WorkerDisplay = Callable[[int], AbstractContextManager[Observer]]


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


def run_worker(request: WorkerRequest, display: WorkerDisplay) -> WorkerResult:
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
    runs = sum(len(plan.missing(outcomes)) for plan in current_plans(store, request.plan))
    with display(runs) as observer:
        return train_open_plans(store, execution, observer, request.plan, seconds)


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
    execution = parse_execution("adamcmp worker", overrides, without=of_plan)
    if execution.cluster is not None:
        raise ConfigError(
            f"executor={execution.executor_name}: a worker trains on its own machine. Choose "
            f"executor=pool or executor=serial."
        )
    return execution
