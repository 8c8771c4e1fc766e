"""List the studies and runs on disk, for ``adamcmp ls`` and ``adamcmp show``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adamcmp.errors import AdamcmpError, ConfigError, NotFound, StoreError, nearest
from adamcmp.platform.addresses import Address
from adamcmp.storage import reader
from adamcmp.storage.columns import SHORT_NAMES, STATUSES, Role, role_of
from adamcmp.storage.filters import columns_of, no_match, parse_filters
from adamcmp.storage.locations import files_at
from adamcmp.workflows.queue_status import NO_QUEUE, QueueStatus, queue_status

#: Columns that identify a run; the settings that vary follow them, then `_RESULTS`.
_IDENTITY = ("run_id", "optimizer", "dataset", "model", "lr", "wd")
_RESULTS = (
    *("seed", "status", "stopped_at_step", "train_loss", "val_error", "test_error", "test_loss"),
    *("gap_error", "gap_loss"),
)


@dataclass(frozen=True)
class StudySummary:
    """One study of a results folder.

    Attributes:
        name: The study's name.
        runs: Number of stored runs.
        statuses: Number of runs by status: ``done``, ``diverged``, ``failed``.
        optimizers: Names of its optimizers, sorted.
        latest: Time at which the latest run ended, in ISO 8601; None if unknown.
        queue: Its open plans, and the processes that are training its runs.
        error: The error if the study, or its queue, cannot be read; None otherwise.
    """

    name: str
    runs: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    optimizers: tuple[str, ...] = ()
    latest: str | None = None
    queue: QueueStatus = NO_QUEUE
    error: AdamcmpError | None = None


def list_studies(root: Address) -> list[StudySummary]:
    """Return a summary of each study of a results folder; a damaged study has an `error`."""
    folders = [root / name for name in reader.list_studies(root)]
    return files_at(root).concurrently(_summary, folders)


def _summary(folder: Address) -> StudySummary:
    try:
        rows = reader.read_final_rows(folder, ["status", "optimizer", "finished_at"]).values()
    except StoreError as error:
        return StudySummary(folder.name, error=error)
    counts = Counter(row["status"] for row in rows)
    summary = StudySummary(
        name=folder.name,
        runs=len(rows),
        statuses={status: counts[status] for status in STATUSES},
        optimizers=tuple(sorted({row["optimizer"] for row in rows})),
        latest=max((row["finished_at"] for row in rows if row["finished_at"]), default=None),
    )
    try:
        return replace(summary, queue=queue_status(folder))
    except (ConfigError, StoreError) as error:  # a plan of another version is no damage
        return replace(summary, error=error)


@dataclass(frozen=True)
class RunList:
    """Runs of one or several studies.

    Attributes:
        studies: Names of the studies.
        columns: The columns to show: those that identify a run, the settings that vary, results.
        rows: The columns of each run, including ``study``.
        queues: The open plans of each study, and the processes that are training its runs.
        no_match: Why no run meets the conditions, or a single study has no runs; empty otherwise.
    """

    studies: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    queues: Mapping[str, QueueStatus]
    no_match: str = ""


def list_runs(root: Address, studies: Sequence[str] = (), filters: Sequence[str] = ()) -> RunList:
    """Return the runs of studies that meet all conditions.

    Args:
        root: The results folder.
        studies: Names of studies; if empty, all studies.
        filters: Conditions on columns, such as ``"optimizer=adamw"``.

    Raises:
        NotFound: If a study does not exist.
        ConfigError: If a condition is invalid.
        StoreError: If a study is damaged.
    """
    names = list(studies) or reader.list_studies(root)
    rows: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    varying: dict[str, None] = {}
    for name in names:
        table = reader.read_runs(reader.study_folder(root, name))
        keep = parse_filters(filters, table.column_names if len(table) else columns_of(filters))
        selected: list[dict[str, Any]] = []
        for row in table.to_pylist():
            (selected if keep(row) else others).append(row)
        varying |= dict.fromkeys(_varying_settings(selected))
        rows += [{"study": name, **row} for row in selected]
    study = ("study",) if len(names) > 1 else ()
    columns = (*study, *_IDENTITY, *varying, *_RESULTS, *columns_of(filters))
    shown = [c for c in dict.fromkeys(columns) if any(row.get(c) is not None for row in rows)]
    queues = {name: queue_status(root / name) for name in names}
    held = {column: [row.get(column) for row in others] for column in columns_of(filters)}
    reason = no_match(filters, held) if others and not rows else ""
    if len(names) == 1 and not rows and not others:
        reason = reader.no_runs(root / names[0])
    return RunList(tuple(names), tuple(shown), tuple(rows), queues, reason)


def _varying_settings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the settings that differ between rows and are not shown anyway."""
    shown = {*_IDENTITY, *_RESULTS, *SHORT_NAMES}
    columns = rows[0] if rows else ()
    settings = [c for c in columns if role_of(c) is Role.SETTING and c not in shown]
    # Compared as text, since lists are not hashable.
    return [c for c in settings if len({str(row[c]) for row in rows if row[c] is not None}) > 1]


@dataclass(frozen=True)
class StoredRun:
    """One run of a study.

    Attributes:
        folder: The study's folder.
        row: The run's row of `runs`.
        metrics: The run's rows of `metrics`, by step.
    """

    folder: Address
    row: Mapping[str, Any]
    metrics: tuple[Mapping[str, Any], ...]


def find_run(root: Address, name: str) -> StoredRun:
    """Return the run with an id.

    Args:
        root: The results folder.
        name: The run's id or its first digits, in any study; or ``STUDY/ID``.

    Raises:
        NotFound: If no run or several runs match.
        StoreError: If the named study is damaged. Without a study name, damaged studies are
                skipped.
    """
    study, _, prefix = name.rpartition("/")
    matches: list[tuple[Address, dict[str, Any]]] = []
    run_ids: list[str] = []
    unreadable: list[StoreError] = []
    for study_name in [study] if study else reader.list_studies(root):
        folder = reader.study_folder(root, study_name)
        try:
            rows = reader.read_final_rows(folder)
        except StoreError as error:
            if study:
                raise
            unreadable.append(error)
            continue
        run_ids += rows
        matches += [
            (folder, rows[run_id]) for run_id in rows if prefix and run_id.startswith(prefix)
        ]
    folder, row = _only_match(root, name, matches, nearest(prefix, run_ids), unreadable)
    metrics = [m for m in reader.read_metrics(folder).to_pylist() if m["run_id"] == row["run_id"]]
    return StoredRun(folder, row, tuple(sorted(metrics, key=lambda m: m["step"])))


def _only_match(
    root: Address,
    name: str,
    matches: Sequence[tuple[Address, dict[str, Any]]],
    suggestion: str,
    unreadable: Iterable[StoreError],
) -> tuple[Address, dict[str, Any]]:
    if not matches:
        raise NotFound(
            f"There is no run {name!r} in {root.absolute()}.{suggestion} `adamcmp ls STUDY` lists "
            f"a study's runs. {reader.ANOTHER_FOLDER}" + "".join(f" {e}" for e in unreadable)
        )
    if len(matches) > 1:
        runs = ", ".join(f"{folder.name}/{row['run_id']}" for folder, row in matches[:8])
        more = ", …" if len(matches) > 8 else ""
        raise NotFound(f"{len(matches)} runs begin with {name!r}: {runs}{more}. Name one of them.")
    return matches[0]
