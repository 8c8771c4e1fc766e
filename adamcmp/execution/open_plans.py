"""The open plans of a study: which runs they have, and which plans are removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from adamcmp.errors import ConfigError, RunFailed, counted
from adamcmp.execution.heartbeats import WorkerRecord
from adamcmp.execution.liveness import Liveness
from adamcmp.execution.plan_contents import PlanHeader, installed_versions
from adamcmp.execution.queue_files import QueueState, Share, list_queue, plan_file, remove_plan
from adamcmp.execution.stored_plans import StoredPlan
from adamcmp.platform.addresses import Address, study_arguments
from adamcmp.platform.files import storage_errors
from adamcmp.storage.files import Files
from adamcmp.storage.rows import RunRow
from adamcmp.storage.store import Store


@dataclass(frozen=True)
class OpenPlan:
    """A plan whose runs are not all stored.

    Attributes:
        number: Its number in the study.
        content: Its content.
    """

    number: int
    content: StoredPlan

    @property
    def header(self) -> PlanHeader:
        """See `PlanHeader`."""
        return self.content.header

    @property
    def standing(self) -> bool:
        """Whether the plan stays open until its runs are stored.

        Another plan is attached to the process that made it: it is removed when the process ends.
        """
        return not self.header.owner

    @cached_property
    def shares(self) -> tuple[Share, ...]:
        """The shares of the plan."""
        return tuple(Share(self.number, number) for number in range(len(self.header.share_runs)))

    def missing(self, outcomes: Mapping[str, RunRow]) -> set[str]:
        """Return the runs of the plan that are not stored.

        Args:
            outcomes: The stored runs, by id.
        """
        return {
            run_id
            for run_id, attempt in self.content.attempts().items()
            if not is_stored(run_id, attempt, outcomes)
        }


def is_stored(run_id: str, attempt: int, outcomes: Mapping[str, RunRow]) -> bool:
    """Return whether an attempt of a run, or a later one, is stored."""
    return run_id in outcomes and outcomes[run_id].attempt >= attempt


def next_attempts(run_ids: Iterable[str], outcomes: Mapping[str, RunRow]) -> dict[str, int]:
    """Return the attempt number of each run if it is trained now.

    Args:
        run_ids: The runs.
        outcomes: The stored runs, by id.
    """
    return {r: outcomes[r].attempt + 1 if r in outcomes else 0 for r in run_ids}


def plan_cancelled(left: int) -> RunFailed:
    """Return the error of a command whose plan was removed by another one.

    Args:
        left: The number of its runs that are not stored.
    """
    return RunFailed(
        f"{counted(left, 'run')} not trained: the plan was cancelled (`adamcmp cancel`), or was "
        f"removed by another command while this process was frozen. Repeat this command to train "
        f"what is left."
    )


def read_plan(files: Files, number: int) -> OpenPlan | None:
    """Return a plan; None if it has been removed.

    Raises:
        ConfigError: If another version of adamcmp wrote it.
        StoreError: If its file is damaged.
    """
    name = plan_file(number)
    try:
        return OpenPlan(number, StoredPlan(files.read(name), files.location(name)))
    except FileNotFoundError:
        return None


def open_plans(files: Files, state: QueueState, living: Collection[str]) -> list[OpenPlan]:
    """Return the open plans; those whose process has ended are removed.

    Args:
        files: The study's files.
        state: The queue.
        living: The ids of the workers that are alive.

    Raises:
        ConfigError: If another version of adamcmp wrote a plan.
        OSError: If a file cannot be deleted.
        StoreError: If the file of a plan is damaged.
    """
    plans = []
    for number in state.plans:
        plan = read_plan(files, number)
        if plan is None:
            continue
        if plan.standing or plan.header.owner in living:
            plans.append(plan)
        else:
            remove_plan(files, number)
    return plans


def current_plans(store: Store, number: int | None = None) -> list[OpenPlan]:
    """Return the open plans of a study with a share that is not done.

    Plans whose process has ended, and those that a killed worker completed, are removed.

    Args:
        store: The study.
        number: The number of the only plan to return; None for all.

    Raises:
        ConfigError: If another version of adamcmp wrote a plan.
        StoreError: If the study cannot be read or written.
    """
    plans = []
    with storage_errors(store.folder):
        state = list_queue(store.files)
        for plan in open_plans(store.files, state, Liveness(store.files).living(state)):
            if not state.done.issuperset(plan.shares):
                plans.append(plan)
            elif plan.standing:
                remove_plan(store.files, plan.number)
    return [plan for plan in plans if number in (None, plan.number)]


def check_versions(plan: OpenPlan, folder: Address) -> None:
    """Check that this process has the versions with which a plan was made.

    Args:
        plan: The plan.
        folder: The study's folder or URL, for the error.

    Raises:
        ConfigError: If it has others, and the plan does not allow them.
    """
    planned, installed = dict(plan.header.versions), installed_versions()
    if planned == installed or plan.header.mixed_versions:
        return
    differing = [
        f"{name} {planned.get(name, 'unknown')} (here: {version})"
        for name, version in installed.items()
        if planned.get(name) != version
    ]
    raise ConfigError(
        f"Plan {plan.number} of study {folder.name!r} was made with {', '.join(differing)}. "
        f"Other versions may compute other numbers. Install the versions of the plan; or remove it "
        f"with `adamcmp cancel {study_arguments(folder)}`, and plan its runs again, with "
        f"mixed_versions=true if different versions shall train them."
    )


@dataclass(frozen=True)
class Available:
    """Which of the requested runs a process may plan.

    Attributes:
        run_ids: The runs that are in no open plan.
        planned: The other requested runs, with the process that plans or trains each.
        adopted: The standing plans whose missing runs are all requested.
    """

    run_ids: frozenset[str]
    planned: Mapping[str, WorkerRecord] = field(default_factory=dict)
    adopted: tuple[OpenPlan, ...] = ()


def available_runs(
    requested: Collection[str],
    plans: Collection[OpenPlan],
    living: Mapping[str, WorkerRecord],
    outcomes: Mapping[str, RunRow],
    folder: Address,
) -> Available:
    """Return which of the requested runs are in no open plan.

    Args:
        requested: The ids of runs that are not stored.
        plans: The open plans.
        living: The record of each worker that is alive.
        outcomes: The stored runs, by id.
        folder: The study's folder or URL, for the error.

    Raises:
        ConfigError: If a standing plan has some of the requested runs and other runs too.
    """
    available, study = set(requested), study_arguments(folder)
    planned: dict[str, WorkerRecord] = {}
    adopted = []
    for plan in plans:
        missing = plan.missing(outcomes)
        common = available & missing
        if not plan.standing:
            planned |= dict.fromkeys(common, living[plan.header.owner])
        elif common and missing <= available:
            adopted.append(plan)
        elif common:
            raise ConfigError(
                f"Plan {plan.number} of study {folder.name!r} has {counted(len(common), 'run')} of "
                f"this command, and {counted(len(missing - common), 'other run')}. `adamcmp worker "
                f"{study}` trains them; `adamcmp cancel {study}` removes the plan."
            )
        available -= common
    return Available(frozenset(available), planned, tuple(adopted))
