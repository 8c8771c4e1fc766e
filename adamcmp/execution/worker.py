"""Work on the open plans of a study: what ``adamcmp worker`` does."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from adamcmp.config import Execution
from adamcmp.errors import ConfigError, Interrupted
from adamcmp.execution.autotuning import autotuned
from adamcmp.execution.heartbeats import RENEWALS, Heartbeat
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import OpenPlan, check_versions, current_plans
from adamcmp.execution.reservations import Reservations
from adamcmp.execution.scheduler import Scheduler
from adamcmp.execution.shares import lane_groups
from adamcmp.execution.signals import TIME_OVER, InterruptedBy, deferred_signals
from adamcmp.execution.worker_processes import WorkerProcesses
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.planning.run_kinds import run_kinds_by_key
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
    plan: int | None = None,
    seconds: float | None = None,
) -> WorkerResult:
    """Train shares of the open plans of a study until none is left.

    Args:
        store: The study.
        execution: The number of processes, and how often checkpoints are saved.
        observer: Receives events; `on_planned` is not called.
        plan: The number of the plan; None for all open plans.
        seconds: Seconds after which the worker stops; None for no limit.

    Raises:
        ConfigError: If the requested plan does not exist, or was made with other versions.
        StoreError: If the study cannot be read or written, or this machine would train other runs.
        Interrupted: If a signal arrives; runs that ended are stored, running ones have checkpoints.
    """
    plans = current_plans(store)
    if plan is not None and plan not in {each.number for each in plans}:
        if plan in range(1, store.commands() + 1):
            return WorkerResult(0, 0, 0)  # all of its runs are stored, or it was cancelled
        raise ConfigError(_no_such_plan(store, plan, plans))
    worker = _Worker(store, execution, observer, plan)
    return worker.result(time_over=not worker.train(seconds))


@dataclass
class _Worker:
    """A process that trains shares of open plans, and counts what it does.

    The attributes are the arguments of `train_open_plans`.
    """

    store: Store
    execution: Execution
    observer: Observer
    plan: int | None
    _begun: dict[int, OpenPlan] = field(init=False, default_factory=dict)
    _trained: int = field(init=False, default=0)
    _failed: int = field(init=False, default=0)

    def train(self, seconds: float | None) -> bool:
        """Train until no share is left; return whether this was so before the time was over."""
        with deferred_signals() as interrupted, WorkerProcesses() as processes:
            until = _until(interrupted, seconds)
            try:
                while plans := current_plans(self.store, self.plan):
                    self._begun |= {plan.number: plan for plan in plans}
                    self._train_shares(plans, processes, until)
            except Interrupted as interrupt:
                if interrupt.number != TIME_OVER:
                    raise
                return False
        return True

    def result(self, time_over: bool) -> WorkerResult:
        """Return what was done, and what is left."""
        open_plans = {plan.number: plan for plan in current_plans(self.store, self.plan)}
        ended = [plan for number, plan in self._begun.items() if number not in open_plans]
        left, cancelled = self._missing(open_plans.values()), self._missing(ended)
        return WorkerResult(self._trained, self._failed, left, time_over, cancelled)

    def _missing(self, plans: Iterable[OpenPlan]) -> int:
        """Return how many runs of plans are not stored."""
        outcomes = self.store.outcomes()
        return sum(len(plan.missing(outcomes)) for plan in plans)

    def _train_shares(
        self, plans: Sequence[OpenPlan], processes: WorkerProcesses, until: InterruptedBy
    ) -> None:
        """Train shares of plans until every share is done."""
        store, checkpoint_every = self.store, self.execution.checkpoint_every
        for plan in plans:
            check_versions(plan, store.folder)
        examples = [spec for plan in plans for spec in plan.content.examples()]
        numerics, run_kinds = examples[0].numerics, run_kinds_by_key(s.config for s in examples)
        missing = self._missing(plans)
        executor = processes.executor(self.execution, numerics, missing, until)
        lease_seconds = min(plan.header.lease_seconds for plan in plans)
        with Heartbeat(
            store.files, lease_seconds, lease_seconds / RENEWALS, hardware(numerics.device), missing
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
            observer = replace(self.observer, on_finished=self._on_finished)
            Scheduler(
                executor, store, reservations, missing, observer, checkpoint_every, until
            ).run()

    def _on_finished(self, group: LaneGroup, outcome: Outcome) -> None:
        self._trained += len(group.specs)
        self._failed += len(group.specs) * isinstance(outcome, Failed)
        self.observer.on_finished(group, outcome)


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
