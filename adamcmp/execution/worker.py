"""Work on the open plans of a study: what ``adamcmp worker`` does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from adamcmp.config import Execution
from adamcmp.errors import ConfigError, Interrupted
from adamcmp.execution.autotuning import autotuned
from adamcmp.execution.executors import Executor
from adamcmp.execution.heartbeats import RENEWALS, Heartbeat
from adamcmp.execution.liveness import Liveness
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import OpenPlan, check_versions, open_plans
from adamcmp.execution.publishing import lane_groups
from adamcmp.execution.queue_files import list_queue, remove_plan
from adamcmp.execution.reservations import Reservations
from adamcmp.execution.scheduler import Scheduler
from adamcmp.execution.signals import TIME_OVER, InterruptedBy, deferred_signals
from adamcmp.execution.worker_processes import WorkerProcesses
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.planning.run_kinds import run_kinds_by_key
from adamcmp.platform.files import storage_errors
from adamcmp.platform.provenance import hardware
from adamcmp.storage.store import Store
from adamcmp.training.outcome import Failed, Outcome


@dataclass(frozen=True)
class WorkerResult:
    """What a worker has done.

    Attributes:
        trained: Number of runs that it trained.
        failed: Number of these that crashed.
        left: Number of runs of the plans that are not stored.
        time_over: Whether it stopped because its time was over.
        cancelled: Number of runs that are not stored and that no open plan has, since their plan
            was cancelled meanwhile.
    """

    trained: int
    failed: int
    left: int
    time_over: bool = False
    cancelled: int = 0


def train_open_plans(
    store: Store,
    execution: Execution,
    observer: Observer,
    number: int | None = None,
    seconds: float | None = None,
) -> WorkerResult:
    """Train shares of the open plans of a study until none is left.

    Args:
        store: The study.
        execution: The number of processes, and how often checkpoints are saved.
        observer: Receives events; `on_planned` is not called.
        number: The number of the plan; None for all open plans.
        seconds: Seconds after which the worker stops; None for no limit.

    Raises:
        ConfigError: If the requested plan does not exist, or was made with other versions.
        StoreError: If the study cannot be read or written, or this machine would train other runs.
        Interrupted: If a signal arrives; runs that ended are stored, running ones have checkpoints.
    """
    worker = _Worker(store, execution, observer, number)
    plans = current_plans(store)
    if number is not None and number not in {plan.number for plan in plans}:
        if number in range(1, store.commands() + 1):
            return WorkerResult(0, 0, 0)  # all of its runs are stored, or it was cancelled
        raise ConfigError(_no_such_plan(store, number, plans))
    return worker.result(time_over=not worker.train(seconds))


@dataclass
class _Worker:
    """A process that trains shares of open plans, and counts what it does.

    The attributes are the arguments of `train_open_plans`.
    """

    store: Store
    execution: Execution
    observer: Observer
    number: int | None
    _begun: dict[int, OpenPlan] = field(init=False, default_factory=dict)
    _trained: int = field(init=False, default=0)
    _failed: int = field(init=False, default=0)

    def train(self, seconds: float | None) -> bool:
        """Train until no share is left; return whether this was so before the time was over."""
        numerics = self.store.numerics()
        with deferred_signals() as interrupted, WorkerProcesses() as pool:
            until = _until(interrupted, seconds)
            try:
                while numerics is not None and (plans := self._plans()):
                    self._begun |= {plan.number: plan for plan in plans}
                    runs = sum(plan.header.runs for plan in plans)
                    executor = pool.executor(self.execution, numerics, runs, until)
                    self._train_shares(plans, executor, until)
            except Interrupted as interrupt:
                if interrupt.number != TIME_OVER:
                    raise
                return False
        return True

    def result(self, time_over: bool) -> WorkerResult:
        """Return what was done, and what is left."""
        outcomes = self.store.outcomes()
        open_plans = {plan.number: plan for plan in self._plans()}
        left = sum(len(plan.missing(outcomes)) for plan in open_plans.values())
        ended = [plan for number, plan in self._begun.items() if number not in open_plans]
        cancelled = sum(len(plan.missing(outcomes)) for plan in ended)
        return WorkerResult(self._trained, self._failed, left, time_over, cancelled)

    def _plans(self) -> list[OpenPlan]:
        return [p for p in current_plans(self.store) if self.number in (None, p.number)]

    def _train_shares(
        self, plans: Sequence[OpenPlan], executor: Executor, until: InterruptedBy
    ) -> None:
        """Train shares of plans until every share is done."""
        store, every = self.store, self.execution.checkpoint_every
        for plan in plans:
            check_versions(plan, store.folder)
        examples = [spec for plan in plans for spec in plan.content.examples()]
        numerics, run_kinds = examples[0].numerics, run_kinds_by_key(s.config for s in examples)
        lease_seconds = min(plan.header.lease_seconds for plan in plans)
        with Heartbeat(
            store.files, lease_seconds, lease_seconds / RENEWALS, hardware(numerics.device)
        ) as heartbeat:
            unmeasured = Plan(numerics, tuple(examples), run_kinds)
            ungrouped = sum(plan.header.ungrouped_runs for plan in plans)
            notice = self.observer.on_notice
            costs = autotuned(unmeasured, executor, until, notice, ungrouped).costs
            reservations = Reservations(
                store,
                heartbeat,
                frozenset(plan.number for plan in plans),
                lambda groups: lane_groups(groups, costs, store),
            )
            runs = sum(plan.header.runs for plan in plans)
            observer = replace(self.observer, on_finished=self._on_finished)
            Scheduler(executor, store, reservations, runs, observer, every, until).run()

    def _on_finished(self, group: LaneGroup, outcome: Outcome) -> None:
        self._trained += len(group.specs)
        self._failed += len(group.specs) * isinstance(outcome, Failed)
        self.observer.on_finished(group, outcome)


def current_plans(store: Store) -> list[OpenPlan]:
    """Return the open plans of a study with a share that is not done.

    Plans whose process has ended, and those that a killed worker completed, are removed.

    Raises:
        StoreError: If the study cannot be read or written.
    """
    state = list_queue(store.files)
    plans = []
    with storage_errors(store.folder):
        for plan in open_plans(store.files, state, Liveness(store.files).living(state)):
            if not state.done.issuperset(plan.shares()):
                plans.append(plan)
            elif plan.standing:
                remove_plan(store.files, plan.number)
    return plans


def _no_such_plan(store: Store, number: int, plans: Sequence[OpenPlan]) -> str:
    study = store.folder.name
    if not plans:
        return f"Study {study!r} has no open plan {number}, and no other open plan."
    listed = ", ".join(str(plan.number) for plan in plans)
    return f"Study {study!r} has no open plan {number}. Choose from: {listed}."


def _until(interrupted: InterruptedBy, seconds: float | None) -> InterruptedBy:
    """Return a function that returns the signal that has arrived, or `TIME_OVER` after a time."""
    if seconds is None:
        return interrupted
    end = time.monotonic() + seconds
    return lambda: interrupted() or (TIME_OVER if time.monotonic() >= end else None)
