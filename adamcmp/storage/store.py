"""A study: which runs exist, appending rows, and metadata.

Rows are appended as immutable parts (see `adamcmp.storage.parts`), without a lock: any number of
processes may append. A lock guards compaction, and changes of study.yaml and of plans.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from adamcmp.components.validation import build
from adamcmp.config import Numerics
from adamcmp.config.study_config import DEFAULTS_VERSION
from adamcmp.errors import ConfigError, StoreError
from adamcmp.platform.files import storage_errors
from adamcmp.storage.arrays import array_of
from adamcmp.storage.arrow import EXAMPLE_SCHEMA, METRIC_SCHEMA, run_schema, table_of_rows
from adamcmp.storage.bucket_checkpoints import BucketCheckpoints
from adamcmp.storage.checkpoints import Checkpoints
from adamcmp.storage.columns import TableName
from adamcmp.storage.compaction import compact, is_crowded, plan_compaction, remove_leftovers
from adamcmp.storage.files import FileVersion
from adamcmp.storage.locations import Location, files_at
from adamcmp.storage.metadata import (
    METADATA_FILE,
    new_study_metadata,
    now,
    read_study_metadata,
    write_study_metadata,
)
from adamcmp.storage.parts import read_consistently, row_indexes, write_part
from adamcmp.storage.rows import (
    FINAL_WEIGHTS,
    INDEX_COLUMNS,
    RunRow,
    only_runs,
    rows_of_final_weights,
    superseded,
    with_attempts,
    without_runs,
)

#: Seconds to wait for another process that compacts or changes study.yaml.
LOCK_TIMEOUT = 60.0


class Store:
    """One study.

    Args:
        study: ``<results>/<study>``, created by `locked`; or the study's files.

    Attributes:
        files: The study's files.
        folder: The study's folder on this machine, or its URL.
        checkpoints: The checkpoints of the study's unfinished groups.
    """

    def __init__(self, study: Location) -> None:
        self.files = files_at(study)
        self.folder = self.files.address
        self.checkpoints: Checkpoints = (
            Checkpoints(self.files) if self.files.on_disk else BucketCheckpoints(self.files)
        )
        self._created_ns = time.time_ns()

    def study_metadata(self) -> dict[str, Any]:
        """Return the content of study.yaml; empty for a study that does not exist yet.

        Raises:
            StoreError: If it is damaged.
        """
        return read_study_metadata(self.files)

    def commands(self) -> int:
        """Return the number of commands that study.yaml records.

        Raises:
            StoreError: If study.yaml is damaged.
        """
        return len(self.study_metadata().get("asked", []))

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
        location = self.files.location(METADATA_FILE)
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
        only_process: bool = False,
    ) -> None:
        """Create the study and record a command, see `record_command`."""
        with self.locked():
            self.record_command(numerics, overrides, metadata, only_process)

    def record_command(
        self,
        numerics: Numerics,
        overrides: Sequence[str],
        metadata: Mapping[str, Any],
        only_process: bool = False,
    ) -> int:
        """Record a command in study.yaml, and remove a killed process's files; needs the lock.

        Args:
            numerics: The numerics of the study's runs.
            overrides: The command's overrides.
            metadata: Further facts on the command to record: flags, versions, hardware.
            only_process: Whether no other process has trained runs of the study since this store
                was created.

        Returns:
            The number of the command, from 1.

        Raises:
            StoreError: If the folder cannot be written.
            ConfigError: If runs have been imported into the study.
        """
        with storage_errors(self.folder):
            study = self.study_metadata() or new_study_metadata(
                self.folder.name, numerics=numerics.model_dump(), defaults=DEFAULTS_VERSION
            )
            recorded = self._recorded_numerics(study)
            if recorded is not None and recorded != numerics:
                chosen = numerics.model_dump()
                differing = [f"{name}={v}" for name, v in recorded if v != chosen[name]]
                raise StoreError(
                    f"Another process has just created {self.folder} with {', '.join(differing)}. "
                    f"Repeat this command: it then trains its runs in the same way."
                )
            study["asked"].append({"words": list(overrides), "at": now(), **metadata})
            write_study_metadata(self.files, study)
            if only_process:
                remove_leftovers(self.files, self._created_ns)
            compact(self.files)
            return len(study["asked"])

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
        with self.locked():
            study = self.study_metadata() or new_study_metadata(self.folder.name, imported=True)
            if "imported" not in study:
                raise ConfigError(
                    f"Study {self.folder.name!r} has runs that adamcmp trained. Import into "
                    f"another study: --study NAME."
                )
            recorded = [{**entry, "at": None} for entry in study["asked"]]
            if {**metadata, "at": None} not in recorded:
                study["asked"].append({**metadata, "at": now()})
            write_study_metadata(self.files, study)
            # Only imports write to this study, under the lock: leftovers are from dead processes.
            remove_leftovers(self.files, self._created_ns)
            if len(runs):
                attempts = dict.fromkeys(runs["run_id"].to_pylist(), 0)
                self._write({"runs": runs, "metrics": metrics}, attempts)
            compact(self.files)

    def outcomes(self, run_ids: Collection[str] | None = None) -> dict[str, RunRow]:
        """Return how runs ended, at their final weights, by run id.

        Args:
            run_ids: The runs; those that are not stored are left out. None: all runs of the study.

        Raises:
            StoreError: If a part is damaged, or one of its files is missing.
        """
        rows = rows_of_final_weights(self._rows(run_ids))
        columns = (rows[name].to_pylist() for name in RunRow._fields)
        # A million objects would take a second, most of it for garbage collection.
        shared = cache(lambda attempt, status, error: RunRow(attempt, status, error or ""))
        return dict(zip(rows["run_id"].to_pylist(), map(shared, *columns), strict=True))

    def statuses(self) -> dict[str, str]:
        """Return the status of each run in the study, by run id.

        Raises:
            StoreError: As `outcomes`.
        """
        rows = rows_of_final_weights(self._rows())
        return dict(zip(rows["run_id"].to_pylist(), rows["status"].to_pylist(), strict=True))

    def _rows(self, run_ids: Collection[str] | None = None) -> pa.Table:
        """Return the `INDEX_COLUMNS` of the rows of `runs` that count; None for all runs."""
        return read_consistently(self.files, lambda parts: self._rows_of(parts, run_ids))

    def _rows_of(
        self, parts: Mapping[str, FileVersion], run_ids: Collection[str] | None
    ) -> pa.Table:
        indexes = row_indexes(self.files, parts)
        if run_ids is not None:
            requested = array_of(list(run_ids), pa.string())
            indexes = {name: only_runs(rows, requested) for name, rows in indexes.items()}
        stale = superseded(indexes)
        rows = [without_runs(rows, stale[name]) for name, rows in indexes.items()]
        return pa.concat_tables(rows) if rows else run_schema().empty_table().select(INDEX_COLUMNS)

    def check_exists(self) -> None:
        """Check that the study was not moved while its runs are trained.

        Raises:
            StoreError: If there is no study any more.
        """
        if METADATA_FILE not in self.files.list(""):
            raise StoreError(f"There is no study in {self.folder}. Was it moved during training?")

    def append(
        self,
        runs: list[dict[str, Any]],
        metrics: list[dict[str, Any]],
        examples: Sequence[dict[str, Any]] = (),
        attempts: Mapping[str, int] | None = None,
        may_commit: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Add rows atomically; they replace the rows of runs that exist.

        Args:
            runs: A row for each run.
            metrics: A row for each evaluation of these runs.
            examples: Rows with the outcomes of examples.
            attempts: The attempt number of each run; None for one more than that of its existing
                rows.
            may_commit: See `write_part`.

        Returns:
            Whether the rows are stored.

        Raises:
            StoreError: If the study does not exist or cannot be written.
            KeyError: If a row has a key that is not a column.
        """
        tables: dict[TableName, pa.Table] = {
            "runs": _table(runs, run_schema()),
            "metrics": _table(metrics, METRIC_SCHEMA),
            "examples": _table(examples, EXAMPLE_SCHEMA),
        }
        self.check_exists()
        with storage_errors(self.folder):
            run_ids = tables["runs"]["run_id"].to_pylist()
            if not self._write(tables, attempts or self.next_attempts(run_ids), may_commit):
                return False
            # The first attempts of runs that this process has reserved replace no rows.
            first = attempts is not None and not any(attempts[run_id] for run_id in run_ids)
            if is_crowded(self.files) if first else plan_compaction(self.files).merges:
                # A process that holds the lock compacts, or the next append will.
                with contextlib.suppress(TimeoutError), self.files.lock(0.0):
                    compact(self.files)
        return True

    def next_attempts(self, run_ids: Iterable[str]) -> dict[str, int]:
        """Return the next attempt number of each run: one more than that of its existing rows."""
        listed = list(run_ids)
        rows = self._rows(listed)
        existing = dict(zip(rows["run_id"].to_pylist(), rows["attempt"].to_pylist(), strict=True))
        return {run_id: existing.get(run_id, -1) + 1 for run_id in listed}

    def _write(
        self,
        tables: Mapping[TableName, pa.Table],
        attempts: Mapping[str, int],
        may_commit: Callable[[], bool] = lambda: True,
    ) -> bool:
        numbered = {table: with_attempts(rows, attempts) for table, rows in tables.items()}
        return write_part(self.files, numbered, may_commit=may_commit)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the study for changes of study.yaml, of its plans and of existing parts.

        The study's folder is created if it does not exist.

        Raises:
            StoreError: If another process holds the lock, or the folder cannot be written.
        """
        with storage_errors(self.folder), contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self.files.lock(LOCK_TIMEOUT))
            except TimeoutError:
                raise StoreError(
                    f"{self.folder} has been locked by another process for over "
                    f"{LOCK_TIMEOUT:g} s. Repeat the command when that process has ended."
                ) from None
            yield


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; a missing variant is that of the final weights."""
    return table_of_rows([{"variant": FINAL_WEIGHTS, **row} for row in rows], schema)
