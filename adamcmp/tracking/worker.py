"""The task of the tracking process: write stored runs that the tracker does not have yet.

``tracker/NAME.jsonl`` in the study's folder is a journal of the written runs, with the time at
which each run ended, so that a retrained run is written again.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock, Timeout

from adamcmp.components.trackers import Evaluation, TrackedRun, Tracker
from adamcmp.platform.addresses import Address, local_folder
from adamcmp.storage import reader
from adamcmp.storage.columns import BEST, Role, columns_with_role

#: Columns of `runs` that describe how a run ended.
_OUTCOME = columns_with_role(Role.OUTCOME)
_NOT_SETTINGS = columns_with_role(Role.IDENTITY, Role.OUTCOME, Role.METRIC)
_NOT_METRICS = columns_with_role(Role.IDENTITY, table="metrics")


@dataclass(frozen=True)
class TrackingRequest:
    """The runs to write to a tracker.

    Attributes:
        tracker: The tracker.
        study: The folder or URL of the study.
        run_ids: The requested runs, of which stored ones are written.
    """

    tracker: Tracker
    study: Address
    run_ids: frozenset[str]

    @property
    def folder(self) -> Path:
        """The folder of the tracker's files, on this machine."""
        return local_folder(self.study) / "tracker" / self.tracker.name

    @property
    def journal(self) -> Path:
        """The file that records the runs that were written, and errors."""
        return self.folder.with_name(f"{self.tracker.name}.jsonl")


def write_runs(
    request: TrackingRequest, report: Callable[[str | None], None], should_stop: Callable[[], bool]
) -> str | None:
    """Write those runs of a request to the tracker that are stored and not in the journal.

    Args:
        request: The runs.
        report: Called with the id of each run that was written; with None while it waits.
        should_stop: Whether to return early.

    Returns:
        The error that ended it; None if there was none.
    """
    warnings.simplefilter("ignore")  # warnings of the tracker's library
    try:
        request.folder.mkdir(parents=True, exist_ok=True)
        with _exclusive(request, report):
            runs = _missing_runs(request)
            finished = {run.run_id: run.outcome["finished_at"] for run in runs}
            for run_id in request.tracker.write(request.folder, runs):
                append_to_journal(request, {"run_id": run_id, "finished_at": finished[run_id]})
                report(run_id)
                if should_stop():
                    break
    except Exception as error:  # a tracker's library may raise anything
        lines = str(error).strip().splitlines()
        return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"
    return None


def append_to_journal(request: TrackingRequest, entry: dict[str, Any]) -> None:
    """Append an entry to the journal of a tracker."""
    with request.journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


@contextlib.contextmanager
def _exclusive(request: TrackingRequest, report: Callable[[str | None], None]) -> Iterator[None]:
    """Wait until no other process writes runs of this study: it may write the same ones."""
    lock = FileLock(request.folder.with_name(f".{request.tracker.name}.lock"))
    while not lock.is_locked:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=1)
        report(None)  # waiting is not a failure of the tracker
    try:
        yield
    finally:
        lock.release()


def _journal_entries(request: TrackingRequest) -> set[tuple[str, str]]:
    """Return the (run_id, finished_at) pairs of the runs that were written."""
    if not request.journal.exists():
        return set()
    entries = set()
    for line in request.journal.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError, KeyError):  # a line cut by a kill, or an error's
            entry = json.loads(line)
            entries.add((entry["run_id"], entry["finished_at"]))
    return entries


def _missing_runs(request: TrackingRequest) -> list[TrackedRun]:
    """Return the requested runs that are stored, but not in the journal."""
    written = _journal_entries(request)
    stored = reader.read_runs(request.study, ["run_id", "finished_at"]).to_pylist()
    missing = [
        run["run_id"]
        for run in stored
        if run["run_id"] in request.run_ids and (run["run_id"], run["finished_at"]) not in written
    ]
    if not missing:
        return []
    tables = reader.read_tables(request.study, {"runs": None, "metrics": None})
    rows, metrics = (_rows_of(missing, tables[name]) for name in ("runs", "metrics"))
    evaluations: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(metrics, key=lambda row: row["step"]):
        evaluations.setdefault(row["run_id"], []).append(row)
    return [
        _tracked_run(request.study.name, row, evaluations.get(row["run_id"], [])) for row in rows
    ]


def _rows_of(run_ids: Collection[str], table: pa.Table) -> list[dict[str, Any]]:
    if not len(table):
        return []
    rows: list[dict[str, Any]] = table.filter(
        pc.is_in(table["run_id"], pa.array(run_ids))
    ).to_pylist()
    return rows


def _tracked_run(study: str, row: dict[str, Any], metrics: list[dict[str, Any]]) -> TrackedRun:
    """Return a stored run in the form that trackers take.

    Args:
        study: The name of the study.
        row: The run's row of `runs`.
        metrics: The run's rows of `metrics`, by step.
    """
    known = {key: value for key, value in row.items() if value is not None}
    outcome = {key: known[key] for key in _OUTCOME if key in known}
    if "error" in outcome:
        outcome["error"] = outcome["error"].partition("\n")[0]
    ended = datetime.fromisoformat(row["finished_at"]).timestamp()
    # Only the end is stored; `wall_time_s` is the run's share of the time of its group.
    began = ended - (metrics[-1]["wall_time_s"] if metrics else 0.0)
    return TrackedRun(
        study=study,
        run_id=row["run_id"],
        name=f"{row['run_id'][:8]} {row['optimizer']} lr={row['lr']:g} wd={row['wd']:g} "
        f"seed={row['seed']}",
        settings={key: value for key, value in known.items() if key not in _NOT_SETTINGS},
        outcome=outcome,
        best={key: known[key] for key in BEST if key in known},
        evaluations=tuple(
            Evaluation(row["step"], began + row["wall_time_s"], _metrics(row)) for row in metrics
        ),
        began=began,
        ended=ended,
    )


def _metrics(row: dict[str, Any]) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in row.items()
        if key not in _NOT_METRICS and value is not None
    }
