"""Train the runs of a configuration: execution, with its progress display and its tracker."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Self

from adamcmp.config import StudyConfig
from adamcmp.errors import Interrupted
from adamcmp.execution.execute import ExecutionResult, execute
from adamcmp.execution.heartbeats import ProcessStatus
from adamcmp.execution.observer import NO_OBSERVER, Observer
from adamcmp.execution.worker_processes import WorkerProcesses
from adamcmp.platform.addresses import Address
from adamcmp.storage.columns import STATUSES
from adamcmp.storage.locations import files_at
from adamcmp.tracking.process import tracked

#: ``display(combinations, batches)`` returns a context manager that yields the observer of one
#: command. `combinations` is the number of runs, including duplicates; `batches` is true if they
#: are planned and trained batch by batch, as in a search.
Display = Callable[[int, bool], AbstractContextManager[Observer]]


def print_notice(text: str) -> None:
    """Print a notice to stderr."""
    print(f"adamcmp: {text}", file=sys.stderr)


@contextlib.contextmanager
def no_display(combinations: int, batches: bool = False) -> Iterator[Observer]:
    """Yield an observer that shows no progress."""
    yield NO_OBSERVER


@dataclass(frozen=True)
class TrainingOptions:
    """How a workflow trains.

    Attributes:
        force: Retrain runs that already exist.
        retry_failed: Retrain runs that crashed.
        display: Shows the progress.
        on_notice: Called with notices about a whole search or study, such as a missing compiler.
        detach: Leave the runs to the jobs of a cluster, once these are started.
    """

    force: bool = False
    retry_failed: bool = False
    display: Display = no_display
    on_notice: Callable[[str], None] = print_notice
    detach: bool = False

    @property
    def retrained_statuses(self) -> tuple[str, ...]:
        """Statuses of stored runs that are trained again."""
        if self.force:
            return STATUSES
        return ("failed",) if self.retry_failed else ()


@dataclass(frozen=True)
class BestSetting:
    """The best setting of one branch of a search.

    Attributes:
        overrides: The overrides that train it, or those of the branch if no setting has a value.
        value: The objective, a mean over seeds; infinite if all settings diverged or failed.
    """

    overrides: tuple[str, ...]
    value: float


@dataclass(frozen=True)
class SweepResult:
    """The outcome of training the runs of a configuration.

    Attributes:
        folder: The folder or URL of the study.
        run_ids: All requested runs, each once.
        trained: The runs that were stored during this call.
        statuses: Number of requested runs by status: ``done``, ``diverged``, ``failed``.
        errors: The first line of the error of each run that crashed, now or before.
        in_progress: The runs that another process is training, with that process's progress.
        notice: Message on the process that trains the other runs; empty if there is none.
        jobs: The jobs of a cluster that go on training runs.
        objective: The metric that a search minimized; empty for a grid.
        best: The best setting of each branch of a search; empty for a grid, and while another
            process trains some of the runs.
    """

    folder: Address
    run_ids: tuple[str, ...]
    trained: tuple[str, ...]
    statuses: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    in_progress: Mapping[str, ProcessStatus] = field(default_factory=dict)
    notice: str = ""
    jobs: tuple[str, ...] = ()
    objective: str = ""
    best: tuple[BestSetting, ...] = ()

    @classmethod
    def of(cls, executed: ExecutionResult) -> Self:
        """Return the result of an execution, with the number of runs by status."""
        outcomes = executed.outcomes
        counts = Counter(row.status for row in outcomes.values())
        return cls(
            folder=executed.folder,
            run_ids=tuple(spec.run_id for spec in executed.specs),
            trained=executed.trained,
            statuses={status: counts[status] for status in STATUSES},
            errors={run_id: outcomes[run_id].error.splitlines()[0] for run_id in executed.failed},
            in_progress=executed.in_progress,
            notice=_notice(executed),
            jobs=executed.jobs,
        )

    @property
    def complete(self) -> bool:
        """Whether no run failed and no other process trains one; true with `jobs`."""
        return not self.errors and not self.in_progress


def _notice(executed: ExecutionResult) -> str:
    if executed.jobs:
        return executed.jobs_message
    return executed.in_progress_message if executed.in_progress else ""


def train(
    config: StudyConfig, options: TrainingOptions, workers: WorkerProcesses | None = None
) -> ExecutionResult:
    """Train the runs of a configuration that do not exist yet.

    Args:
        config: The runs, and where they are stored.
        options: How to train.
        workers: Worker processes to use; None starts new ones.

    Raises:
        AdamcmpError: If a run cannot be trained; nothing is written.
        Interrupted: If a signal ended training; the finished work is stored.
    """
    with options.display(len(config.runs), False) as observer:
        for notice in config.notices:
            observer.on_notice(notice)
        return train_observed(config, options, observer, workers)


def train_observed(
    config: StudyConfig,
    options: TrainingOptions,
    observer: Observer,
    workers: WorkerProcesses | None = None,
) -> ExecutionResult:
    """Train like `train`, with an existing observer."""
    config.tracker.check()
    try:
        with tracked(config, observer) as events:
            return execute(
                config,
                events,
                retrained_statuses=options.retrained_statuses,
                workers=workers,
                detach=options.detach,
            )
    except Interrupted as interrupt:
        if not str(interrupt):  # after a second signal, nothing more is saved
            raise
        folder = config.location.folder
        files = f", files in {folder}" if files_at(folder).exists() else ""
        text = f"{interrupt}{files}; run the same command again to continue"
        raise Interrupted(interrupt.number, text) from None
