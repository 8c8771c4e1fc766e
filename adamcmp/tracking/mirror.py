"""Mirroring stored runs to a tracker, in a process of its own: its failure costs no run.

The process reads what is stored, so that a tracker shows what the store holds, each run once:
``tracker/<logger>.jsonl`` in the study's folder notes which. What is missing, since a tracker
failed or the command was killed, the next command with these runs and this logger makes up for.

Runs are mirrored when their rows are stored, not while they train: a group of lanes brings its
evaluations to this process as it ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock, Timeout

from adamcmp.components.trackers import NO_TRACKER, Evaluation, TrackedRun, Tracker
from adamcmp.config import StudyConfig
from adamcmp.errors import AdamcmpError, Interrupted
from adamcmp.execution.execute import Observer
from adamcmp.execution.executors import Handle, Pool, Task, WorkerDied
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.planning.specs import RunSpec
from adamcmp.storage import reader
from adamcmp.storage.columns import BEST, Role, columns_with_role
from adamcmp.training.outcome import Outcome

#: Seconds between two looks at what has been stored meanwhile.
EVERY = 5.0
#: Seconds in which a tracker must take a run.
PATIENCE = 120.0
#: Columns of `runs` that describe how a run ended.
OUTCOME = columns_with_role(Role.OUTCOME)
_NO_SETTING = columns_with_role(Role.IDENTITY, Role.OUTCOME, Role.METRIC)
_KEY = columns_with_role(Role.IDENTITY, table="metrics")


@dataclass(frozen=True)
class TrackingTask:
    """What is to be mirrored.

    Attributes:
        tracker: Where to.
        study: The study's folder.
        run_ids: Its runs that were asked for; those that are stored are mirrored.
    """

    tracker: Tracker
    study: Path
    run_ids: frozenset[str]

    @property
    def folder(self) -> Path:
        """The tracker's own folder."""
        return self.study / "tracker" / self.tracker.name

    @property
    def notes(self) -> Path:
        """The file that says what was mirrored, and what went wrong."""
        return self.folder.with_name(f"{self.tracker.name}.jsonl")


class Mirror:
    """A command's view of its mirroring process; it never raises but when interrupted.

    Args:
        tracker: Where runs are mirrored to.
        study: The study's folder.
    """

    def __init__(self, tracker: Tracker, study: Path) -> None:
        self._task = TrackingTask(tracker, study, frozenset())
        self._pool: Pool | None = None
        self._handles: set[Handle] = set()
        self._looked = self._alive = time.monotonic()

    def asked(self, specs: Sequence[RunSpec]) -> None:
        """Begin, with the command's runs; some may be stored already."""
        run_ids = frozenset(spec.run_id for spec in specs)
        self._task = TrackingTask(self._task.tracker, self._task.study, run_ids)
        with self._giving_up():
            self._pool = Pool(1, 1)

    def stored(self) -> None:
        """Note that there may be more to mirror; returns at once."""
        if self._pool is None or time.monotonic() - self._looked < EVERY:
            return
        with self._giving_up():
            self._take(self._pool, 0.0)
            if self._pool and not self._handles:
                self._look(self._pool)

    def finish(self) -> None:
        """Mirror what is left, and wait for it.

        Raises:
            Interrupted: When Ctrl-C ends the waiting.
        """
        try:
            with self._giving_up():
                for last in (False, True):
                    if self._pool and last:
                        self._look(self._pool)
                    while self._pool and self._handles:
                        self._take(self._pool, 0.2)
        except KeyboardInterrupt:
            text = f"the runs are stored, but {self._task.tracker.name} has not got them all"
            raise Interrupted(signal.SIGINT, text) from None

    def close(self) -> None:
        """End the process, at once."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _look(self, pool: Pool) -> None:
        self._looked = self._alive = time.monotonic()
        self._handles = set(pool.submit([Task(mirror, self._task)]))

    def _moved(self, handle: Handle, message: Any) -> None:
        self._alive = time.monotonic()

    def _take(self, pool: Pool, timeout: float) -> None:
        for result in pool.poll(self._moved, timeout):
            self._handles.discard(result.handle)
            if result.value is not None:
                self._fail(
                    result.value.reason if isinstance(result.value, WorkerDied) else result.value
                )
        if self._handles and time.monotonic() - self._alive > PATIENCE:
            self._fail(f"it took no run in {PATIENCE:g} s.")

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        try:
            yield
        except (AdamcmpError, OSError) as error:  # no process can be started, say
            self._fail(str(error))

    def _fail(self, reason: str) -> None:
        """Say and note what went wrong, and mirror no more."""
        self.close()
        logging.getLogger(__name__).warning(
            "adamcmp: logger=%s failed (%s). Training does not need it; the same command mirrors "
            "what is missing.",
            *(self._task.tracker.name, reason.rstrip(".")),
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with contextlib.suppress(OSError):  # it has been said
            self._task.notes.parent.mkdir(exist_ok=True)  # the worker may not have got so far
            _note(self._task, {"error": reason, "at": now})


@contextlib.contextmanager
def tracked(config: StudyConfig, observer: Observer) -> Iterator[Observer]:
    """Mirror runs to the study's tracker as they are stored.

    Args:
        config: The study, with its tracker.
        observer: Receives events, too.

    Yields:
        The observer for the execution.

    Raises:
        Interrupted: As `Mirror.finish`.
    """
    with mirroring(config.tracker, config.location.folder) as mirror:
        if mirror is None:
            yield observer
            return

        def on_planned(plan: Plan, groups: tuple[LaneGroup, ...]) -> None:
            mirror.asked(plan.specs)
            observer.on_planned(plan, groups)

        def on_finished(group: LaneGroup, outcome: Outcome) -> None:
            observer.on_finished(group, outcome)
            mirror.stored()

        yield replace(observer, on_planned=on_planned, on_finished=on_finished)


@contextlib.contextmanager
def mirroring(tracker: Tracker, study: Path) -> Iterator[Mirror | None]:
    """Mirror a command's runs as they are stored, and the rest before it ends.

    Args:
        tracker: Where to.
        study: The study's folder.

    Yields:
        What is told of runs; None where there is no logger.

    Raises:
        Interrupted: As `Mirror.finish`.
    """
    if tracker == NO_TRACKER:
        yield None
        return
    found = Mirror(tracker, study)
    try:
        yield found
        found.finish()
    finally:
        found.close()


def mirror(
    task: TrackingTask, report: Callable[[Any], None], stopping: Callable[[], bool]
) -> str | None:
    """Mirror those of a task's runs that are stored and not mirrored yet.

    A worker process runs this.

    Args:
        task: What to mirror.
        report: Called with the id of each run that was mirrored.
        stopping: Whether to return early.

    Returns:
        What went wrong; None when nothing did.
    """
    warnings.simplefilter("ignore")  # the libraries' own, about themselves
    try:
        task.folder.mkdir(parents=True, exist_ok=True)
        with _alone(task, report):
            runs = _missing(task)
            finished = {run.run_id: run.outcome["finished_at"] for run in runs}
            for run_id in task.tracker.write(task.folder, runs):
                _note(task, {"run_id": run_id, "finished_at": finished[run_id]})
                report(run_id)
                if stopping():
                    break
    except Exception as error:  # a tracker's library may fail in any way
        lines = str(error).strip().splitlines()
        return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"
    return None


@contextlib.contextmanager
def _alone(task: TrackingTask, report: Callable[[Any], None]) -> Iterator[None]:
    """Wait until no other process mirrors runs of this study: it may be about to mirror these."""
    lock = FileLock(task.folder.with_name(f".{task.tracker.name}.lock"))
    while not lock.is_locked:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=1)
        report(None)
    try:
        yield
    finally:
        lock.release()


def _note(task: TrackingTask, entry: dict[str, Any]) -> None:
    with task.notes.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def _noted(task: TrackingTask) -> set[tuple[str, str]]:
    """Return the runs that were mirrored, with when each had ended: trained anew, it is missing."""
    if not task.notes.exists():
        return set()
    found = set()
    for line in task.notes.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError, KeyError):  # cut by a kill, or an error's
            entry = json.loads(line)
            found.add((entry["run_id"], entry["finished_at"]))
    return found


def _missing(task: TrackingTask) -> list[TrackedRun]:
    """Return the runs that are stored but not mirrored."""
    noted = _noted(task)
    ends = reader.read_runs(task.study, ["run_id", "finished_at"]).to_pylist()
    wanted = [
        end["run_id"]
        for end in ends
        if end["run_id"] in task.run_ids and (end["run_id"], end["finished_at"]) not in noted
    ]
    if not wanted:
        return []
    both = reader.read_tables(task.study, {"runs": None, "metrics": None})
    rows, metrics = (_of(wanted, both[kind]) for kind in ("runs", "metrics"))
    along: dict[str, list[dict[str, Any]]] = {}
    for at in sorted(metrics, key=lambda at: at["step"]):
        along.setdefault(at["run_id"], []).append(at)
    return [_mirrored(task.study.name, row, along.get(row["run_id"], [])) for row in rows]


def _of(run_ids: Collection[str], table: pa.Table) -> list[dict[str, Any]]:
    if not len(table):
        return []
    found: list[dict[str, Any]] = table.filter(
        pc.is_in(table["run_id"], pa.array(run_ids))
    ).to_pylist()
    return found


def _mirrored(study: str, row: dict[str, Any], metrics: list[dict[str, Any]]) -> TrackedRun:
    known = {key: value for key, value in row.items() if value is not None}
    outcome = {key: known[key] for key in OUTCOME if key in known}
    if "error" in outcome:
        outcome["error"] = outcome["error"].partition("\n")[0]
    ended = datetime.fromisoformat(row["finished_at"]).timestamp()
    began = ended - (metrics[-1]["wall_time_s"] if metrics else 0.0)
    return TrackedRun(
        study=study,
        run_id=row["run_id"],
        name=f"{row['run_id'][:8]} {row['optimizer']} lr={row['lr']:g} wd={row['wd']:g} "
        f"seed={row['seed']}",
        settings={key: value for key, value in known.items() if key not in _NO_SETTING},
        outcome=outcome,
        best={key: known[key] for key in BEST if key in known},
        evaluations=tuple(
            Evaluation(at["step"], began + at["wall_time_s"], _measured(at)) for at in metrics
        ),
        began=began,
        ended=ended,
    )


def _measured(at: dict[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in at.items() if key not in _KEY and value is not None}
