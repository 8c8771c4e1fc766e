"""A study on disk: which runs exist, appending rows, and metadata.

Rows are appended as immutable parts (see `adamcmp.storage.parts`), without a lock: any number of
processes may append. A lock guards compaction and changes of study.yaml.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml
from filelock import FileLock, Timeout

from adamcmp.components.validation import build
from adamcmp.config import Numerics
from adamcmp.errors import ConfigError, StoreError
from adamcmp.platform.files import TEMPORARY_PREFIX, storage_errors
from adamcmp.storage.checkpoints import CHECKPOINT_FOLDER, Checkpoints
from adamcmp.storage.columns import SCHEMA_VERSION
from adamcmp.storage.compaction import compact, plan_compaction
from adamcmp.storage.folder import Folder
from adamcmp.storage.parts import (
    METRIC_SCHEMA,
    TABLES,
    list_parts,
    read_consistently,
    read_part,
    row_index,
    run_schema,
    table_of_rows,
    write_part,
)
from adamcmp.storage.reader import METADATA_FILE, read_study_metadata
from adamcmp.storage.rows import FINAL_WEIGHTS, RowKey, RunRow, of_final_weights, superseded

#: Seconds to wait for another process that compacts or changes study.yaml.
LOCK_TIMEOUT = 60.0


class Store:
    """One study's folder.

    Args:
        folder: ``<results>/<study>``; created by the first `open_for_training`.

    Attributes:
        checkpoints: The checkpoints of the study's unfinished groups.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoints = Checkpoints(folder / CHECKPOINT_FOLDER)
        self._files = Folder(folder)
        self._created_ns = time.time_ns()

    def study_metadata(self) -> dict[str, Any]:
        """Return the content of study.yaml; empty for a study that does not exist yet.

        Raises:
            StoreError: If it is damaged.
        """
        return read_study_metadata(self.folder)

    def numerics(self) -> Numerics | None:
        """Return the numerics of the study, or None for a new study.

        Raises:
            ConfigError: If its runs were imported: no runs can be trained in such a study.
        """
        metadata = self.study_metadata()
        return self._recorded_numerics(metadata) if metadata else None

    def _recorded_numerics(self, metadata: Mapping[str, Any]) -> Numerics:
        """Return the numerics in the content of study.yaml.

        Raises:
            ConfigError: If the study's runs were imported.
            StoreError: If a value is missing.
        """
        if "imported" in metadata:
            raise ConfigError(
                f"Study {self.folder.name!r} holds runs imported from "
                f"{metadata['asked'][0]['file']}. Runs cannot be trained in it: use another "
                f"study=NAME."
            )
        location = self._files.location(METADATA_FILE)
        values = {**Numerics.neutral, **metadata["numerics"]}
        for name in Numerics.model_fields:
            if name not in values:  # never the default, which is resolved for each new study
                raise StoreError(f"{location} is damaged: it has no numerics.{name}.")
        return build(Numerics, values, f"{location}: numerics")

    def open_for_training(
        self,
        numerics: Numerics,
        overrides: Sequence[str],
        metadata: Mapping[str, Any],
        exclusive: bool = False,
    ) -> None:
        """Create the folder, record the command in study.yaml, and remove a killed process's files.

        Args:
            numerics: The numerics of the study's runs.
            overrides: The command's overrides.
            metadata: Further facts on the command to record: flags, versions, hardware.
            exclusive: Whether no other process has trained runs of the study since this store was
                created.

        Raises:
            StoreError: If the folder cannot be written or locked.
            ConfigError: If runs have been imported into the study.
        """
        self._create_folders(*TABLES, CHECKPOINT_FOLDER)
        with storage_errors(self.folder), self._locked():
            study = self.study_metadata() or {
                **self._new_metadata(),
                "numerics": numerics.model_dump(),
                "asked": [],
            }
            if self._recorded_numerics(study) != numerics:
                raise StoreError(
                    f"Another process has just created {self.folder} with other numerics. Repeat "
                    f"the command to train with those."
                )
            study["asked"].append({"words": list(overrides), "at": _now(), **metadata})
            self._write_metadata(study)
            if exclusive:
                self._remove_leftovers()
            compact(self._files)

    def add_imported(self, runs: pa.Table, metrics: pa.Table, metadata: Mapping[str, Any]) -> None:
        """Add runs that another program trained, atomically, and record their source.

        Runs that were imported before are replaced; their attempt number stays 0, since they were
        not trained again.

        Args:
            runs: Their rows; columns beyond `run_schema` are settings of the imported file.
            metrics: Their evaluations.
            metadata: Facts on the import to record.

        Raises:
            StoreError: If the disk is full or the folder cannot be written or locked.
            ConfigError: If the study has runs that adamcmp trained.
        """
        self._create_folders(*TABLES)
        with storage_errors(self.folder), self._locked():
            study = self.study_metadata() or {
                **self._new_metadata(),
                "imported": True,
                "asked": [],
            }
            if "imported" not in study:
                raise ConfigError(f"Study {self.folder.name!r} has runs that adamcmp trained.")
            recorded = [{**entry, "at": None} for entry in study["asked"]]
            if {**metadata, "at": None} not in recorded:
                study["asked"].append({**metadata, "at": _now()})
            self._write_metadata(study)
            # Only imports write to this study, under the lock: leftovers are from dead processes.
            self._remove_leftovers()
            attempts = dict.fromkeys(runs["run_id"].to_pylist(), 0)
            self._write(runs, metrics, attempts)
            compact(self._files)

    def _create_folders(self, *names: str) -> None:
        with storage_errors(self.folder):
            for name in names:
                (self.folder / name).mkdir(parents=True, exist_ok=True)

    def _new_metadata(self) -> dict[str, Any]:
        return {"study": self.folder.name, "schema": SCHEMA_VERSION, "created": _now()}

    def _write_metadata(self, study: Mapping[str, Any]) -> None:
        text = yaml.safe_dump(dict(study), sort_keys=False, allow_unicode=True)
        self._files.replace(METADATA_FILE, text.encode())

    def statuses(self) -> dict[str, str]:
        """Return the status of every run in the study, that of its final weights, by run id.

        Raises:
            StoreError: If a part is damaged, or one of its files is missing.
        """
        rows = of_final_weights(self._rows())
        return {run_id: row.status for run_id, row in rows.items()}

    def _rows(self) -> dict[RowKey, RunRow]:
        """Return the rows of `runs` that count."""
        return read_consistently(self._files, self._rows_of)

    def _rows_of(self, parts: Mapping[str, str]) -> dict[RowKey, RunRow]:
        metrics_files = self._files.list("metrics/")
        for name in parts:
            if f"metrics/{name}" not in metrics_files:
                read_part(self._files, "metrics", name)  # raises
        indexes = [row_index(self._files, *part) for part in parts.items()]
        return {
            key: row
            for rows, stale in zip(indexes, superseded(indexes), strict=True)
            for key, row in rows.items()
            if key not in stale
        }

    def append(self, runs: list[dict[str, Any]], metrics: list[dict[str, Any]]) -> None:
        """Add rows atomically; they replace the rows of runs that exist.

        Args:
            runs: A row for each run. This method sets its attempt number: one more than that of
                the existing rows.
            metrics: A row for each evaluation of these runs.

        Raises:
            StoreError: If the disk is full, or the folder does not exist or cannot be written.
            KeyError: If a row has a key that is not a column.
        """
        run_rows = table_of_rows(runs, run_schema())
        metric_rows = table_of_rows(metrics, METRIC_SCHEMA)
        self._check_exists()
        with storage_errors(self.folder):
            self._write(run_rows, metric_rows, self._next_attempts(run_rows))
            if plan_compaction(self._files).merges:
                with self._locked():
                    compact(self._files)

    def _next_attempts(self, runs: pa.Table) -> dict[str, int]:
        """Return the attempt number of each run: one more than that of its existing rows."""
        existing = of_final_weights(self._rows())
        return {
            run_id: existing[run_id].attempt + 1 if run_id in existing else 0
            for run_id in runs["run_id"].to_pylist()
        }

    def _write(self, runs: pa.Table, metrics: pa.Table, attempts: Mapping[str, int]) -> None:
        runs, metrics = (_with_attempts(rows, attempts) for rows in (runs, metrics))
        write_part(self._files, {"runs": runs, "metrics": metrics})

    def _remove_leftovers(self) -> None:
        """Remove temporary files and uncommitted metrics that killed processes left.

        Files that are newer than this store may belong to a process that started after it.
        """
        committed = list_parts(self._files)
        for folder in ("", *TABLES, CHECKPOINT_FOLDER):
            for path in (self.folder / folder).glob("*"):
                is_part = folder == "metrics" and path.suffix == ".parquet"
                uncommitted = is_part and path.name not in committed
                if not (uncommitted or path.name.startswith(TEMPORARY_PREFIX)):
                    continue
                with contextlib.suppress(FileNotFoundError):  # another process ended its write
                    if path.stat().st_mtime_ns < self._created_ns:
                        path.unlink()

    def _check_exists(self) -> None:
        if not self.folder.is_dir():
            raise StoreError(f"{self.folder} does not exist. Was it moved while runs were trained?")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._check_exists()  # the lock would create it
        try:
            with FileLock(self.folder / ".lock", timeout=LOCK_TIMEOUT):
                yield
        except Timeout:
            raise StoreError(
                f"{self.folder} has been locked by another process for over {LOCK_TIMEOUT:g} s."
            ) from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _with_attempts(rows: pa.Table, attempts: Mapping[str, int]) -> pa.Table:
    """Return rows with the attempt number of their run; a missing variant becomes empty."""
    numbers = [attempts[run_id] for run_id in rows["run_id"].to_pylist()]
    columns = {
        "variant": pc.fill_null(rows["variant"], FINAL_WEIGHTS),
        "attempt": pa.array(numbers, pa.int64()),
    }
    for name, column in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows
