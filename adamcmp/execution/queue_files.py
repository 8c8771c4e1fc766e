"""The files of a study's queue: plans, leases and the heartbeats of workers.

All files are in one flat folder, so that one listing of their names shows the state of the queue:

- ``plan-000001.parquet``: the plan of the study's first command, divided into *shares*;
- ``lease-000001-0007-0002.json``: the second lease of share 7 of plan 1. Leases are created, never
  replaced: if several processes create the same one, exactly one succeeds. A process takes over
  the share of a dead worker by creating the next lease;
- ``done-000001-0007.json``: all runs of the share are stored;
- ``worker-<id>.json``: the heartbeat of a process;
- ``jobs-000001.json``: the jobs of a cluster that were started for plan 1.
"""

from __future__ import annotations

import functools
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from adamcmp.errors import StoreError
from adamcmp.storage.files import Files, FileVersion

Record = TypeVar("Record")

#: The folder, with a slash at its end.
QUEUE = "queue/"
_NAME = re.compile(
    r"queue/(?:plan-(?P<plan>\d+)\.parquet|jobs-(?P<jobs>\d+)\.json|worker-(?P<worker>.+)\.json"
    r"|lease-(?P<leased>\d+)-(?P<share>\d+)-(?P<number>\d+)\.json"
    r"|done-(?P<done>\d+)-(?P<done_share>\d+)\.json)"
)


@dataclass(frozen=True, order=True)
class Share:
    """A share of a plan: some of its runs, which one worker trains.

    Attributes:
        plan: The number of the plan.
        number: The number of the share in the plan, from 0.
    """

    plan: int
    number: int


@dataclass
class QueueState:
    """The state of a queue when it was listed.

    Attributes:
        plans: The open plans, in ascending order.
        leases: The number of the last lease of each share that has one.
        done: The shares whose runs are all stored.
        workers: The version of the heartbeat of each worker.
        listed: When it was listed, as `time.monotonic` returns it.
    """

    plans: list[int] = field(default_factory=list)
    leases: dict[Share, int] = field(default_factory=dict)
    done: set[Share] = field(default_factory=set)
    workers: dict[str, FileVersion] = field(default_factory=dict)
    listed: float = 0.0

    @property
    def removed_plans(self) -> set[int]:
        """The removed plans that still have leases, since a worker reserved a share meanwhile."""
        return {share.plan for share in (*self.leases, *self.done)} - {*self.plans}


def list_queue(files: Files) -> QueueState:
    """Return the state of a study's queue, from one listing.

    Raises:
        OSError: If the folder cannot be listed.
    """
    state = QueueState(listed=time.monotonic())
    for name, version in files.list(QUEUE).items():
        role, key, number = _parsed(name)
        if role == "plan":
            state.plans.append(number)
        elif role == "worker":
            state.workers[key] = version
        elif role == "lease":
            state.leases[key] = max(number, state.leases.get(key, 0))
        elif role == "done":
            state.done.add(key)
    state.plans.sort()
    return state


@functools.lru_cache(maxsize=1 << 15)
def _parsed(name: str) -> tuple[str, Any, int]:
    """Return what a file of the queue is, of which worker or share, and its number.

    Each name is parsed once in a process: a worker lists thousands of them every minute.
    """
    match = _NAME.fullmatch(name)
    if match is None or match["jobs"]:
        return "", None, 0
    if match["plan"]:
        return "plan", None, int(match["plan"])
    if match["worker"]:
        return "worker", match["worker"], 0
    if match["leased"]:
        return "lease", Share(int(match["leased"]), int(match["share"])), int(match["number"])
    return "done", Share(int(match["done"]), int(match["done_share"])), 0


def plan_file(plan: int) -> str:
    """Return the name of the file of a plan."""
    return f"{QUEUE}plan-{plan:06d}.parquet"


def jobs_file(plan: int) -> str:
    """Return the name of the file with the jobs that were started for a plan."""
    return f"{QUEUE}jobs-{plan:06d}.json"


def worker_file(worker: str) -> str:
    """Return the name of the heartbeat file of a worker."""
    return f"{QUEUE}worker-{worker}.json"


def lease_file(share: Share, number: int) -> str:
    """Return the name of the file of a lease."""
    return f"{QUEUE}lease-{share.plan:06d}-{share.number:04d}-{number:04d}.json"


def done_file(share: Share) -> str:
    """Return the name of the file that says that a share is done."""
    return f"{QUEUE}done-{share.plan:06d}-{share.number:04d}.json"


def read_record(files: Files, name: str, record: type[Record]) -> Record:
    """Return the content of a JSON file of the queue.

    Args:
        files: The study's files.
        name: The name of the file.
        record: The dataclass of its content. Keys that are not among its fields are ignored, since
            another version of adamcmp may write others.

    Raises:
        FileNotFoundError: If there is no such file.
        StoreError: If the file is damaged.
    """
    try:
        adapter: TypeAdapter[Record] = _adapter(cast(Any, record))
        return adapter.validate_json(files.read(name))
    except ValidationError as error:
        raise StoreError(
            f"{files.location(name)} is damaged ({first_fault(error)}). Delete it."
        ) from None


def first_fault(error: ValidationError) -> str:
    """Return the place of the first invalid value in a file, and what is wrong with it."""
    detail = error.errors()[0]
    return "".join(f"{part}: " for part in detail["loc"]) + detail["msg"]


@functools.cache
def _adapter(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)


@dataclass(frozen=True)
class _Lease:
    worker: str


def create_lease(files: Files, share: Share, number: int, worker: str) -> bool:
    """Create a lease; return false if another process has created it.

    Raises:
        OSError: If the file cannot be written.
    """
    try:
        files.create(lease_file(share, number), json.dumps({"worker": worker}).encode())
    except FileExistsError:
        return False
    return True


def lease_holder(files: Files, share: Share, number: int) -> str | None:
    """Return the id of the worker that created a lease; None if the lease was removed.

    Raises:
        StoreError: If its file is damaged.
    """
    try:
        return read_record(files, lease_file(share, number), _Lease).worker
    except FileNotFoundError:
        return None


def remove_plan(files: Files, plan: int) -> None:
    """Remove a plan with its leases and the record of its jobs.

    Raises:
        OSError: If a file cannot be deleted.
    """
    files.delete(plan_file(plan))  # first, so that no worker takes a share of it
    files.concurrently(files.delete, [n for n in files.list(QUEUE) if _is_of_plan(n, plan)])


def _is_of_plan(name: str, plan: int) -> bool:
    """Return whether a file belongs to a plan: a lease, a share that is done, or its jobs."""
    match = _NAME.fullmatch(name)
    numbers = [match[key] for key in ("leased", "done", "jobs")] if match else []
    return plan in {int(number) for number in numbers if number}
