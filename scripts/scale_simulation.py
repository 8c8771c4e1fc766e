"""Simulate many workers of one study on a virtual clock.

The plan, the queue, the leases, the scheduler of each worker and the store are real. The files are
in memory, and an executor waits for the virtual end of each group instead of training it.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from adamcmp.config import Composer, Numerics, StudyConfig
from adamcmp.execution import liveness, queue_files, reservations, scheduler
from adamcmp.execution.executors import Executor, Handle, ProgressCallback, Result, Task
from adamcmp.execution.heartbeats import RENEWALS, Heartbeat
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import OpenPlan
from adamcmp.execution.queue_files import QUEUE, plan_file, worker_file
from adamcmp.execution.requests import Request
from adamcmp.execution.reservations import Reservations
from adamcmp.execution.scheduler import Scheduler
from adamcmp.execution.shares import lane_groups
from adamcmp.execution.standing_plans import publish_standing
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan, make_plan
from adamcmp.planning.specs import RunSpec
from adamcmp.planning.timings import Timings
from adamcmp.storage.files import Files, FileVersion
from adamcmp.storage.parts import list_parts, row_indexes
from adamcmp.storage.store import Store
from adamcmp.training.outcome import Done, Outcome, Stopped

#: Numerics of the runs, whose lanes are fused.
NUMERICS = Numerics(device="cpu", dtype="float32", threads=1, engine="traced")
STEPS = 1000
#: Most lanes of a group, as on a GPU.
LANES = 256
#: Seconds after which a job that was killed is replaced by another one.
RESTART_SECONDS = 60.0


class Clock:
    """A clock that the simulation sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


#: The modules whose clocks are replaced, and the name of the clock in each.
CLOCKS = (
    (reservations, "boot_time_clock"),
    (liveness, "time"),
    (queue_files, "time"),
    (scheduler, "time"),
)


def replace_clocks(clock: Clock) -> None:
    """Make the workers of this process use a clock; a sleep takes no time."""
    virtual = SimpleNamespace(monotonic=clock, sleep=lambda seconds: None)
    for module, name in CLOCKS:
        vars(module)[name] = virtual if name == "time" else clock


class SimulatedFiles(Files):
    """Files in memory, whose operations are counted.

    Args:
        clock: The time of a change.

    Attributes:
        operations: Number of operations, by kind and whether they are on the queue.
        listed: Number of names that listings of the queue returned.
    """

    def __init__(self, clock: Clock) -> None:
        self.path = Path("/simulated/scale")
        self.operations: Counter[tuple[str, bool]] = Counter()
        self.listed = 0
        self._clock = clock
        self._folders: dict[str, dict[str, tuple[bytes, FileVersion]]] = defaultdict(dict)
        self._lock = threading.Lock()

    def holds(self, name: str) -> bool:
        """Return whether there is a file of this name, which is not counted."""
        return name in self._folders[name.rpartition("/")[0]]

    def _count(self, kind: str, name: str) -> dict[str, tuple[bytes, FileVersion]]:
        folder = name.rpartition("/")[0]
        self.operations[kind, folder == QUEUE.rstrip("/")] += 1
        return self._folders[folder]

    def list(self, prefix: str) -> Mapping[str, FileVersion]:
        """See `Files.list`."""
        folder = self._count("list", prefix)
        self.listed += len(folder) * (prefix == QUEUE)
        return {name: version for name, (_, version) in folder.items()}

    def folders(self) -> Sequence[str]:
        """See `Files.folders`."""
        return [name for name in self._folders if name and "/" not in name]

    def read(self, name: str) -> bytes:
        """See `Files.read`."""
        folder = self._count("read", name)
        if name not in folder:
            raise FileNotFoundError(name)
        return folder[name][0]

    def create(self, name: str, content: bytes) -> None:
        """See `Files.create`."""
        folder = self._count("create", name)
        if name in folder:
            raise FileExistsError(name)
        self._write(folder, name, content)

    def replace(self, name: str, content: bytes) -> None:
        """See `Files.replace`."""
        self._write(self._count("replace", name), name, content)

    def _write(
        self, folder: dict[str, tuple[bytes, FileVersion]], name: str, content: bytes
    ) -> None:
        folder[name] = content, FileVersion(round(self._clock.now * 1e9), len(content))

    def delete(self, name: str) -> None:
        """See `Files.delete`."""
        self._count("delete", name).pop(name, None)

    def remove_partial_writes(self, prefix: str, before_ns: int) -> None:
        """Do nothing: a write cannot be partial."""

    @contextlib.contextmanager
    def lock(self, timeout: float, name: str = ".lock") -> Iterator[None]:
        """See `Files.lock`; no other process holds it."""
        if not self._lock.acquire(blocking=False):
            raise TimeoutError
        try:
            yield
        finally:
            self._lock.release()


class SimulatedHeartbeat(Heartbeat):
    """The heartbeat of a simulated worker; the simulation calls `beat`.

    Args:
        files: The study's files.
        worker: The id of the worker.
        lease_seconds: See `WorkerRecord`.
        runs: Number of runs of the plan.
    """

    def __init__(self, files: Files, worker: str, lease_seconds: float, runs: int) -> None:
        super().__init__(files, lease_seconds, lease_seconds / RENEWALS, runs=runs)
        self.worker = worker

    def beat(self) -> None:
        """Write the heartbeat file."""
        self._write()


class SimulatedExecutor(Executor):
    """An executor with one process, whose groups end at a time of the virtual clock.

    Args:
        clock: The clock.
        seconds: Returns the seconds that a group takes.

    """

    slots = 1

    def __init__(self, clock: Clock, seconds: Callable[[LaneGroup], float]) -> None:
        self._clock, self._seconds = clock, seconds
        self._running: tuple[Handle[Any], LaneGroup, float] | None = None
        self._cancelled = False
        self._number = itertools.count()
        self.stopped = 0

    @property
    def ends(self) -> float:
        """When the group that is being trained ends; infinity if there is none."""
        return self._running[2] if self._running else math.inf

    def submit(self, tasks: Sequence[Task[Any, Any, Any]]) -> list[Handle[Any]]:
        """See `Executor.submit`."""
        for task in tasks:
            group = task.argument[0]
            handle = Handle[Any](str(next(self._number)))
            self._running = handle, group, self._clock() + self._seconds(group)
        return [self._running[0]] if tasks and self._running else []

    def poll(self, on_progress: ProgressCallback[Any] | None = None) -> list[Result[Any]]:
        """See `Executor.poll`; does not wait."""
        if self._running is None or (self._clock() < self.ends and not self._cancelled):
            return []
        (handle, group, ends), self._running = self._running, None
        # A worker process goes on while its worker is frozen.
        ended = self._clock() >= ends
        outcome: Outcome = Done([_row(spec) for spec in group.specs]) if ended else Stopped()
        self.stopped += 0 if ended else len(group.specs)
        self._cancelled = False
        return [Result(handle, outcome)]

    def cancel(self, handles: Sequence[Handle[Any]]) -> None:
        """See `Executor.cancel`."""
        self._cancelled = bool(handles)

    def close(self) -> None:
        """See `Executor.close`."""


@dataclass
class SimulatedWorker:
    """A worker with one process."""

    heartbeat: SimulatedHeartbeat
    scheduler: Scheduler
    executor: SimulatedExecutor
    alive: bool = True
    frozen_until: float = 0.0
    started: float = 0.0
    ended: float = math.inf


@dataclass(frozen=True)
class Measured:
    """What a simulation measured.

    Attributes:
        runs: Number of runs.
        workers: Number of workers at a time.
        shares: Number of shares of the plan.
        killed: Number of workers that were killed.
        frozen: Number of workers that were frozen for longer than their lease.
        hours: Virtual duration.
        utilization: Predicted time of the stored runs, as a share of the workers' time.
        lost: Number of runs that a worker had begun and did not store, since others had taken over
            its share while it was frozen.
        operations: Operations on the queue for each worker and second.
        by_kind: The same for each kind of operation.
        names: Mean number of names in a listing of the queue.
        parts: Number of parts of the study at the end.
        storage_operations: Other operations for each worker and second.
        cpu_seconds: Processor time of the simulation.
    """

    runs: int
    workers: int
    shares: int
    killed: int
    frozen: int
    hours: float
    utilization: float
    lost: int
    operations: float
    by_kind: dict[str, float]
    names: float
    parts: int
    storage_operations: float
    cpu_seconds: float


def grid(runs: int) -> StudyConfig:
    """Return a grid of four optimizers, 50 learning rates, 5 weight decays and many seeds."""
    return Composer().sweep(
        [
            *("dataset=teacher", "optimizer=adam_l2,adamw,sgdw,lion", f"steps={STEPS}"),
            *("lr=logspace(1e-5,1e-1,50)", "wd=logspace(1e-5,1e-1,5)"),
            *(f"seeds={max(runs // 1000, 1)}", "engine=traced", "study=scale", "workers=1"),
        ]
    )


def with_seconds(plan: Plan, run_seconds: float) -> Plan:
    """Return a plan with predicted times: seconds of a run in the widest groups."""
    step = {1: 4 * run_seconds / STEPS, LANES: run_seconds / STEPS}
    timings = {key: Timings(step, 1e-9) for key in plan.run_kinds}
    return plan.with_costs(CostModel(plan.run_kinds, timings))


class Simulation:
    """Workers that train one standing plan.

    Args:
        runs: Number of runs.
        workers: Number of workers.
        run_seconds: Seconds of a run.
        lifetime: Mean seconds after which a worker is killed.
        seed: Seed of kills and durations.
    """

    def __init__(
        self, runs: int, workers: int, run_seconds: float, lifetime: float, seed: int = 0
    ) -> None:
        self.clock, self.random = Clock(), random.Random(seed)
        replace_clocks(self.clock)
        self.files = SimulatedFiles(self.clock)
        self.store = Store(self.files)
        config = grid(runs)
        plan = with_seconds(make_plan(config, NUMERICS), run_seconds)
        self.specs: dict[str, RunSpec] = {spec.run_id: spec for spec in plan.specs}
        request = Request(config, plan, plan)
        (published,) = publish_standing(self.store, request, lambda: None, lambda text: None)
        self.plan, self.costs = published, plan.costs
        # Each worker reads the file of the plan, but they share its content in memory.
        vars(reservations)["read_plan"] = self._read_plan
        self.workers, self.lifetime = workers, lifetime
        self.lease_seconds = published.header.lease_seconds
        self._events: list[tuple[float, int, Any, tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._all: list[SimulatedWorker] = []
        self.killed = self.frozen = self.late = 0
        self.useful_seconds = 0.0

    def _read_plan(self, files: Files, number: int) -> OpenPlan | None:
        try:
            files.read(plan_file(number))
        except FileNotFoundError:
            return None
        return self.plan

    def run(self) -> Measured:
        """Simulate until every run is stored."""
        started = time.process_time()
        self.files.operations.clear()
        self.files.listed = 0
        for _ in range(self.workers):
            self._at(self.random.uniform(0, 60), self._start)
        while self._events:
            when, _, action, arguments = heapq.heappop(self._events)
            self.clock.now = max(self.clock.now, when)
            action(*arguments)
        self._check()
        return self._result(time.process_time() - started)

    def _at(self, when: float, action: Any, *arguments: Any) -> None:
        heapq.heappush(self._events, (when, next(self._order), action, arguments))

    def _after(self, seconds: float, worker: SimulatedWorker, action: Any, *more: Any) -> None:
        """Call an action of a worker later, unless it was killed; a frozen one does it late."""

        def act() -> None:
            if not worker.alive:
                return
            if self.clock() < worker.frozen_until:
                self._at(worker.frozen_until, act)
                return
            action(worker, *more)

        self._at(self.clock() + seconds, act)

    def _start(self) -> None:
        if not self.files.holds(plan_file(self.plan.number)):
            return
        runs = len(self.specs)
        heartbeat = SimulatedHeartbeat(
            self.files, f"node-{len(self._all)}", self.lease_seconds, runs
        )
        executor = SimulatedExecutor(self.clock, self._seconds)
        reservations = Reservations(
            self.store,
            heartbeat,
            frozenset({self.plan.number}),
            lambda groups: lane_groups(groups, self.costs, self.store),
            self.specs,
        )
        observer = Observer(on_finished=self._count_stored, on_notice=self._count_late)
        worker = SimulatedWorker(
            heartbeat,
            Scheduler(executor, self.store, reservations, runs, observer, 30.0, lambda: None),
            executor,
            started=self.clock(),
        )
        self._all.append(worker)
        self._after(self.random.expovariate(1 / self.lifetime), worker, self._disturb)
        self._beat(worker)
        self._advance(worker)

    def _seconds(self, group: LaneGroup) -> float:
        return (self.costs.seconds(group) or 0.0) * self.random.uniform(0.7, 1.5)

    def _count_stored(self, group: LaneGroup, outcome: Outcome) -> None:
        self.useful_seconds += self.costs.seconds(group) or 0.0

    def _count_late(self, notice: str) -> None:
        self.late += int(notice.removeprefix("The results of ").split()[0])

    def _disturb(self, worker: SimulatedWorker) -> None:
        """Kill a worker, or freeze it for longer than its lease."""
        if self.random.random() < 0.2:
            self.frozen += 1
            worker.frozen_until = self.clock() + self.lease_seconds * self.random.uniform(1, 4)
            return
        self.killed += 1
        self._end(worker)
        self._at(self.clock() + RESTART_SECONDS, self._start)

    def _end(self, worker: SimulatedWorker) -> None:
        worker.alive, worker.ended = False, self.clock()

    def _beat(self, worker: SimulatedWorker) -> None:
        worker.heartbeat.beat()
        self._after(worker.heartbeat.interval, worker, self._beat)

    def _advance(self, worker: SimulatedWorker) -> None:
        """Let the scheduler of a worker act now, at the end of its group, and at intervals."""
        if not worker.scheduler.advance():
            self.files.delete(worker_file(worker.heartbeat.worker))
            self._end(worker)
            return
        # As soon as a group has ended, the next one begins.
        waits = worker.executor.ends == math.inf
        acts = max(worker.scheduler.next_look, self.clock()) if waits else worker.executor.ends
        longest = worker.heartbeat.interval / 4
        self._after(min(acts - self.clock(), longest), worker, self._advance)

    def _check(self) -> None:
        """Check that each run is stored, in one row."""
        statuses = self.store.statuses()
        if statuses.keys() != self.specs.keys() or set(statuses.values()) != {"done"}:
            raise AssertionError(f"{len(statuses)} of {len(self.specs)} runs are stored")
        rows = sum(map(len, row_indexes(self.files, list_parts(self.files)).values()))
        if rows != len(self.specs):
            raise AssertionError(f"{rows} rows of {len(self.specs)} runs are stored")

    def _result(self, cpu_seconds: float) -> Measured:
        seconds = sum(min(w.ended, self.clock()) - w.started for w in self._all)
        queue: Counter[str] = Counter()
        for (kind, is_queue), count in self.files.operations.items():
            queue[kind] += count * is_queue
        others = sum(self.files.operations.values()) - sum(queue.values())
        return Measured(
            runs=len(self.specs),
            workers=self.workers,
            shares=len(self.plan.header.share_runs),
            killed=self.killed,
            frozen=self.frozen,
            hours=max(worker.ended for worker in self._all) / 3600,
            utilization=self.useful_seconds / seconds,
            lost=self.late + sum(worker.executor.stopped for worker in self._all),
            operations=sum(queue.values()) / seconds,
            by_kind={kind: count / seconds for kind, count in sorted(queue.items())},
            names=self.files.listed / max(queue["list"], 1),
            parts=len(list_parts(self.files)),
            storage_operations=others / seconds,
            cpu_seconds=cpu_seconds,
        )


def _row(spec: RunSpec) -> dict[str, Any]:
    measured = dict.fromkeys(("train_loss", "val_loss", "test_loss"), 1.0)
    errors = dict.fromkeys(("train_error", "val_error", "test_error"), 0.5)
    ended = {"status": "done", "steps": STEPS, "stopped_at_step": None}
    return {**spec.columns(), **measured, **errors, **ended}
