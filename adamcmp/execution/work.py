"""Work on the open plans of a study: what ``adamcmp worker`` does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
class WorkResult:
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


def work(
    store: Store,
    execution: Execution,
    observer: Observer,
    number: int | None = None,
    seconds: float | None = None,
) -> WorkResult:
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
    numerics = store.numerics()
    plans = current_plans(store)
    if number is not None and number not in {plan.number for plan in plans}:
        if number in range(1, store.commands() + 1):
            return WorkResult(0, 0, 0)  # all of its runs are stored, or it was cancelled
        raise ConfigError(_no_such_plan(store, number, plans))
    counts: Counter[bool] = Counter()

    def on_finished(group: LaneGroup, outcome: Outcome) -> None:
        counts[isinstance(outcome, Failed)] += len(group.specs)
        observer.on_finished(group, outcome)

    counting = replace(observer, on_finished=on_finished)
    time_over, begun = False, {plan.number: plan for plan in _selected(plans, number)}
    with deferred_signals() as interrupted, WorkerProcesses() as pool:
        until = _until(interrupted, seconds)
        try:
            while numerics is not None and (plans := _selected(current_plans(store), number)):
                begun |= {plan.number: plan for plan in plans}
                runs = sum(plan.header.runs for plan in plans)
                executor = pool.executor(execution, numerics, runs, until)
                _work_on(store, plans, executor, counting, execution.checkpoint_every, until)
        except Interrupted as interrupt:
            if interrupt.number != TIME_OVER:
                raise
            time_over = True
    outcomes = store.outcomes()
    open_now = {plan.number: plan for plan in _selected(current_plans(store), number)}
    left = sum(len(plan.missing(outcomes)) for plan in open_now.values())
    ended = [plan for number, plan in begun.items() if number not in open_now]
    cancelled = sum(len(plan.missing(outcomes)) for plan in ended)
    return WorkResult(counts.total(), counts[True], left, time_over, cancelled)


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


def _selected(plans: Sequence[OpenPlan], number: int | None) -> list[OpenPlan]:
    return [plan for plan in plans if number in (None, plan.number)]


def _work_on(
    store: Store,
    plans: Sequence[OpenPlan],
    executor: Executor,
    observer: Observer,
    checkpoint_every: float,
    until: InterruptedBy,
) -> None:
    """Train shares of plans until every share is done."""
    for plan in plans:
        check_versions(plan, store.folder)
    examples = [spec for plan in plans for spec in plan.stored.examples()]
    run_kinds = run_kinds_by_key(spec.config for spec in examples)
    lease_seconds = min(plan.header.lease_seconds for plan in plans)
    device = examples[0].numerics.device
    with Heartbeat(
        store.files, lease_seconds, lease_seconds / RENEWALS, hardware(device)
    ) as heartbeat:
        unmeasured = Plan(examples[0].numerics, tuple(examples), run_kinds)
        ungrouped = sum(plan.header.ungrouped_runs for plan in plans)
        costs = autotuned(unmeasured, executor, until, observer.on_notice, ungrouped).costs
        reservations = Reservations(
            store,
            heartbeat,
            frozenset(plan.number for plan in plans),
            lambda groups: lane_groups(groups, costs, store),
        )
        runs = sum(plan.header.runs for plan in plans)
        Scheduler(executor, store, reservations, runs, observer, checkpoint_every, until).run()


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
