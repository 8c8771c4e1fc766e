"""A study on disk: which runs are done, and appending a group's results as one atomic step.

Each append writes a hidden temporary file, flushes it and renames it: first the metrics part,
then the runs part of the same name, whose appearance commits both. A process killed at any
moment leaves the old state or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from filelock import FileLock, Timeout

from adamcmp.components.validation import build
from adamcmp.config import Numerics
from adamcmp.errors import ConfigError, StoreError
from adamcmp.platform.files import storage_errors, temporary_files, write_atomically
from adamcmp.storage import archive, reader
from adamcmp.storage.columns import METRIC_COLUMNS, SCHEMA_VERSION, run_columns

#: Seconds to wait for another process's append, which takes milliseconds.
LOCK_TIMEOUT = 60.0
#: Parts of about one size that are merged into one.
COMPACT_AT = 32

logger = logging.getLogger(__name__)


def run_schema() -> pa.Schema:
    """Return the Arrow schema of `runs`."""
    return reader.arrow_schema({name: column.type for name, column in run_columns().items()})


METRIC_SCHEMA = reader.arrow_schema({n: column.type for n, column in METRIC_COLUMNS.items()})


class Store:
    """The folder of one study.

    Args:
        folder: ``<results>/<study>``; made by the first `open_for_training`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ids: dict[str, frozenset[str]] = {}

    @property
    def _metadata_path(self) -> Path:
        return self.folder / "study.yaml"

    def study_metadata(self) -> dict[str, Any]:
        """Return study.yaml; empty for a study that does not exist yet.

        Raises:
            StoreError: When it is damaged.
        """
        return reader.read_study_metadata(self.folder)

    def numerics(self) -> Numerics | None:
        """Return the numerics that the study was begun with, or None for a new study.

        Raises:
            ConfigError: When its runs were imported: nothing is trained beside them.
        """
        about = self.study_metadata()
        if "imported" in about:
            raise ConfigError(
                f"Study {self.folder.name!r} holds runs imported from "
                f"{about['asked'][0]['file']}. Nothing is trained in it: use another "
                f"study=NAME."
            )
        return (
            build(Numerics, about["numerics"], f"{self._metadata_path}: numerics")
            if about
            else None
        )

    def open_for_training(
        self, numerics: Numerics, words: Sequence[str], about: dict[str, Any], alone: bool = False
    ) -> None:
        """Make the folder, note what was asked in study.yaml, and clear what a crash left.

        Args:
            numerics: How the study's runs are computed.
            words: What was asked.
            about: What else is noted of it: versions, hardware.
            alone: Whether no other process trains runs of the study.

        Raises:
            StoreError: When the folder cannot be written or locked.
        """
        with storage_errors(self.folder):
            for part in (*reader.TABLES, "checkpoints"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            with self._locked():
                now = _now()
                study = self.study_metadata() or {
                    **self._new(now),
                    "numerics": numerics.model_dump(),
                    "asked": [],
                }
                if study.get("numerics") != numerics.model_dump():
                    raise StoreError(
                        f"{self.folder} was begun by another process just now, with other "
                        f"numerics. The same command again follows them."
                    )
                study["asked"].append({"words": list(words), "at": now, **about})
                self._write_metadata(study)
                self._clear_leftovers(alone)
                self._compact()

    def add_imported(self, runs: pa.Table, metrics: pa.Table, about: dict[str, Any]) -> None:
        """Add runs that another program trained, as one atomic step, and note where from.

        Args:
            runs: Their rows; columns beyond `run_schema` are settings of theirs.
            metrics: Their evaluations.
            about: What study.yaml says of this import.

        Raises:
            StoreError: When the disk is full or the folder cannot be written or locked.
            ConfigError: When runs were trained in the study.
        """
        with storage_errors(self.folder):
            for part in reader.TABLES:
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            with self._locked():
                study = self.study_metadata() or {
                    **self._new(_now()),
                    "imported": True,
                    "asked": [],
                }
                if "imported" not in study:
                    raise ConfigError(f"Study {self.folder.name!r} holds runs trained here.")
                before = [{**entry, "at": None} for entry in study["asked"]]
                if {**about, "at": None} not in before:
                    study["asked"].append({**about, "at": _now()})
                self._write_metadata(study)
                self._clear_leftovers(alone=False)
                self._write({"runs": runs, "metrics": metrics})
                self._compact()

    def _new(self, now: str) -> dict[str, Any]:
        return {"study": self.folder.name, "schema": SCHEMA_VERSION, "created": now}

    def _write_metadata(self, study: dict[str, Any]) -> None:
        text = yaml.safe_dump(study, sort_keys=False, allow_unicode=True)
        write_atomically(self._metadata_path, text.encode())

    def statuses(self) -> dict[str, str]:
        """Return the status of every run in the study, by run id.

        Raises:
            StoreError: When a part is damaged.
        """
        for name in reader.part_names(self.folder):
            metrics, runs = (self.folder / kind / name for kind in ("metrics", "runs"))
            if not metrics.exists() and runs.exists():
                reader.read_part(metrics)  # says what to do
        table = reader.read_runs(self.folder, ["run_id", "status"])
        if not len(table):
            return {}
        return dict(zip(table["run_id"].to_pylist(), table["status"].to_pylist(), strict=True))

    def checkpoints(self) -> dict[Path, frozenset[str]]:
        """Return the checkpoints of groups that were on their way, and the runs of each.

        Those that got farthest come first. One that cannot be gone on from is removed, with a
        warning: its runs start anew.
        """
        found = []
        for path in self._checkpoints.glob("*.npz"):
            try:
                about, _ = archive.read(path)
            except FileNotFoundError:  # another process has just finished with it
                continue
            except StoreError as error:
                logger.warning("adamcmp: %s The runs in it start anew.", error)
                path.unlink(missing_ok=True)
                continue
            found.append((-about["taken"], path, frozenset(about["runs"])))
        return {path: run_ids for _, path, run_ids in sorted(found)}

    def checkpoint_path(self, run_ids: Iterable[str]) -> Path:
        """Return the file in which a group of runs is kept while it trains."""
        digest = hashlib.sha256(" ".join(sorted(run_ids)).encode()).hexdigest()[:16]
        return self._checkpoints / f"{digest}.npz"

    def remove_finished_checkpoints(self, ended: Collection[str]) -> None:
        """Remove checkpoints all of whose runs have ended."""
        for path, run_ids in self.checkpoints().items():
            if run_ids <= set(ended):
                self.remove_checkpoint(path)

    def remove_checkpoint(self, checkpoint: Path) -> None:
        """Remove what is kept of a group that has ended."""
        checkpoint.unlink(missing_ok=True)
        self.remove_partial_writes(checkpoint)

    @staticmethod
    def remove_partial_writes(checkpoint: Path) -> None:
        """Remove what a worker that died in the middle of writing a checkpoint left beside it."""
        for path in temporary_files(checkpoint):
            path.unlink(missing_ok=True)

    @property
    def _checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def append(self, runs: list[dict[str, Any]], metrics: list[dict[str, Any]]) -> None:
        """Add rows as one atomic step; rows of runs that are there already are replaced.

        Raises:
            StoreError: When the disk is full or the folder cannot be written or locked.
        """
        tables = {"runs": _table(runs, run_schema()), "metrics": _table(metrics, METRIC_SCHEMA)}
        with storage_errors(self.folder), self._locked():
            self._write(tables)
            self._compact()

    def _write(self, tables: Mapping[str, pa.Table]) -> None:
        contents = {kind: _parquet(table) for kind, table in tables.items()}
        last = reader.part_names(self.folder)[-1:]
        name = reader.part_name(int(last[0].split("-")[0]) + 1 if last else 0, contents)
        for kind in ("metrics", "runs"):  # runs last: it commits both
            write_atomically(self.folder / kind / name, contents[kind])

    def _compact(self) -> None:
        """Drop rows that later ones replace, and merge many small parts into one.

        Killed in between, both the old parts and the new one are there; the later row counts.
        """
        names = reader.part_names(self.folder)
        self._ids = {name: self._run_ids(name) for name in names}
        stale = dict(zip(names, reader.superseded(list(self._ids.values())), strict=True))
        alike: dict[int, list[str]] = {}
        for name, run_ids in self._ids.items():
            # Parts of about one size (within a factor of 8), so that big ones are seldom rewritten.
            alike.setdefault(len(run_ids).bit_length() // 3, []).append(name)
        crowds = [crowd for crowd in alike.values() if len(crowd) >= COMPACT_AT]
        merged = {name for crowd in crowds for name in crowd}
        for old in (*crowds, *([n] for n in names if stale[n] and n not in merged)):
            tables = {
                kind: pa.concat_tables(
                    [
                        reader.without(stale[name], reader.read_part(self.folder / kind / name))
                        for name in old
                    ],
                    promote_options="default",
                )
                for kind in reader.TABLES
            }
            if len(tables["runs"]):
                self._write(tables)
            for kind, name in itertools.product(reader.TABLES, old):
                (self.folder / kind / name).unlink()

    def _run_ids(self, name: str) -> frozenset[str]:
        """Return the runs of a part; a part never changes, so each is read once."""
        if name in self._ids:
            return self._ids[name]
        table = reader.read_part(self.folder / "runs" / name, ["run_id"])
        return frozenset(table["run_id"].to_pylist())

    def _clear_leftovers(self, alone: bool) -> None:
        """Remove temporary files and uncommitted metrics of a process that was killed."""
        committed = set(reader.part_names(self.folder))
        # Checkpoints are not written under the lock.
        for folder in ("", "runs", "metrics", *(("checkpoints",) if alone else ())):
            for path in (self.folder / folder).glob("*"):
                if path.name.startswith(".tmp-") or (
                    folder == "metrics" and path.suffix == ".parquet" and path.name not in committed
                ):
                    path.unlink()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if not self.folder.is_dir():  # the lock would make it anew
            raise StoreError(f"{self.folder} is gone. Was it moved while its runs were trained?")
        try:
            with FileLock(self.folder / ".lock", timeout=LOCK_TIMEOUT):
                yield
        except Timeout:
            raise StoreError(
                f"{self.folder} is locked by another process for over {LOCK_TIMEOUT:g} s."
            ) from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _table(rows: list[dict[str, Any]], wanted: pa.Schema) -> pa.Table:
    """Return rows as a table; a key that the schema lacks is an error, not a dropped column."""
    unknown = {key for row in rows for key in row} - set(wanted.names)
    if unknown:
        raise KeyError(f"columns without a place in the schema: {sorted(unknown)}")
    return pa.Table.from_pylist(rows, schema=wanted)


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, write_page_checksum=True, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content
