"""A study on disk: which runs are done, and appending a group's results as one atomic step.

Each append writes a hidden temporary file, flushes it and renames it: first the metrics part,
then the runs part of the same name, whose appearance commits both. A process killed at any
moment leaves the old state or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from filelock import FileLock, Timeout

from adamcmp import frame, schema
from adamcmp.config import ROOMS, Numerics, setting_types
from adamcmp.errors import ConfigError, StoreError
from adamcmp.files import clear_errors, write_atomically
from adamcmp.parts import build

#: Seconds to wait for another process's append, which takes milliseconds.
LOCK_TIMEOUT = 60.0


def run_columns() -> dict[str, type]:
    """Return all columns of `runs` with their Python types: one explicit schema."""
    return {**setting_types(), **schema.RUN_COLUMNS, **schema.PROVENANCE_COLUMNS}


def run_schema() -> pa.Schema:
    """Return the Arrow schema of `runs`: what names and ends a run first, then the settings."""
    columns = run_columns()
    # The group's own name ("dataset.name" …) is a column without a dot already.
    named = {f"{group}.name" for group in ROOMS}
    order = [*schema.RUN_COLUMNS, *(c for c in columns if c not in named)]
    return frame.arrow_schema({name: columns[name] for name in dict.fromkeys(order)})


METRIC_SCHEMA = frame.arrow_schema(schema.METRIC_COLUMNS)


class Store:
    """The folder of one study.

    Args:
        folder: ``<results>/<study>``; made by the first `prepare`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ids: dict[str, frozenset[str]] = {}

    @property
    def _about(self) -> Path:
        return self.folder / "study.yaml"

    def about(self) -> dict[str, Any]:
        """Return study.yaml; empty for a study that does not exist yet.

        Raises:
            StoreError: When it is damaged.
        """
        if not self._about.exists():
            return {}
        try:
            found = yaml.safe_load(self._about.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise StoreError(f"{self._about} is damaged ({error}).") from None
        if not isinstance(found, dict) or "numerics" not in found:
            raise StoreError(f"{self._about} is damaged: it holds no study.")
        return found

    def numerics(self) -> Numerics | None:
        """Return the numerics that the study was begun with, or None for a new study."""
        about = self.about()
        return build(Numerics, about["numerics"], f"{self._about}: numerics") if about else None

    def settle(self, asked: Numerics, new: Numerics) -> Numerics:
        """Return the numerics that runs of this study are computed with.

        Args:
            asked: What the command line says.
            new: What it leaves open means in a new study.

        Raises:
            ConfigError: When the study was begun with others than those asked for.
        """
        begun = self.numerics()
        open_ = {name for name, value in asked.model_dump().items() if value in (None, "auto")}
        if begun is None:
            return asked.model_copy(update={name: getattr(new, name) for name in open_})
        for name, value in asked.model_dump().items():
            if name not in open_ and value != getattr(begun, name):
                raise ConfigError(
                    f"{name}={value}: study {self.folder.name!r} was begun with "
                    f"{name}={getattr(begun, name)}, and one study has one kind of numbers. Use "
                    f"another study=NAME."
                )
        return begun

    def prepare(self, numerics: Numerics, words: Sequence[str], about: dict[str, Any]) -> None:
        """Make the folder, note what was asked in study.yaml, and clear what a crash left.

        Raises:
            StoreError: When the folder cannot be written or locked.
        """
        with clear_errors(self.folder):
            for part in ("runs", "metrics"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            with self._locked():
                now = datetime.now(UTC).isoformat(timespec="seconds")
                new = {"study": self.folder.name, "schema": schema.VERSION, "created": now}
                study = self.about() or {**new, "numerics": numerics.model_dump(), "asked": []}
                if study["numerics"] != numerics.model_dump():
                    raise StoreError(
                        f"{self.folder} was begun by another process just now, with other "
                        f"numerics. The same command again follows them."
                    )
                study["asked"].append({"words": list(words), "at": now, **about})
                text = yaml.safe_dump(study, sort_keys=False, allow_unicode=True)
                write_atomically(self._about, text.encode())
                self._clear_leftovers()

    def statuses(self) -> dict[str, str]:
        """Return the status of every run in the study, by run id.

        Raises:
            StoreError: When a part is damaged.
        """
        for name in frame.parts(self.folder):
            if not (self.folder / "metrics" / name).exists():
                frame.read_part(self.folder / "metrics" / name)  # says what to do
        table = frame.runs_table(self.folder, ["run_id", "status"])
        if not len(table):
            return {}
        return dict(zip(table["run_id"].to_pylist(), table["status"].to_pylist(), strict=True))

    def checkpoints(self) -> dict[Path, frozenset[str]]:
        """Return the checkpoints of groups that were on their way, and the runs of each.

        One that is damaged is removed: its runs start anew.
        """
        found = {}
        for path in sorted(self._checkpoints.glob("*.npz")):
            try:
                with np.load(path, allow_pickle=False) as archive:
                    found[path] = frozenset(json.loads(str(archive["about"]))["runs"])
            except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
                path.unlink(missing_ok=True)
        return found

    def checkpoint(self, run_ids: Iterable[str]) -> Path:
        """Return the file in which a group of runs is kept while it trains."""
        digest = hashlib.sha256(" ".join(sorted(run_ids)).encode()).hexdigest()[:16]
        return self._checkpoints / f"{digest}.npz"

    @property
    def _checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def append(self, runs: list[dict[str, Any]], metrics: list[dict[str, Any]]) -> None:
        """Add rows as one atomic step; rows of runs that are there already are replaced.

        Raises:
            StoreError: When the disk is full or the folder cannot be written or locked.
        """
        tables = {"runs": _table(runs, run_schema()), "metrics": _table(metrics, METRIC_SCHEMA)}
        with clear_errors(self.folder), self._locked():
            before = frame.parts(self.folder)
            self._write(tables)
            self._drop({row["run_id"] for row in runs}, before)

    def _write(self, tables: dict[str, pa.Table]) -> None:
        contents = {kind: _parquet(table) for kind, table in tables.items()}
        last = frame.parts(self.folder)[-1:]
        name = frame.part_name(int(last[0].split("-")[0]) + 1 if last else 0, contents)
        for kind in ("metrics", "runs"):  # runs last: it commits both
            write_atomically(self.folder / kind / name, contents[kind])

    def _drop(self, run_ids: set[str], names: list[str]) -> None:
        """Remove rows of `run_ids` from older parts; killed in between, the later row counts."""
        for name in names:
            if run_ids.isdisjoint(self._run_ids(name)):
                continue
            tables = {kind: frame.read_part(self.folder / kind / name) for kind in frame.KINDS}
            kept = {kind: _without(run_ids, table) for kind, table in tables.items()}
            if len(kept["runs"]):
                self._write(kept)
            for kind in frame.KINDS:
                (self.folder / kind / name).unlink()

    def _run_ids(self, name: str) -> frozenset[str]:
        """Return the runs of a part; a part never changes, so each is read once."""
        if name not in self._ids:
            table = frame.read_part(self.folder / "runs" / name, ["run_id"])
            self._ids[name] = frozenset(table["run_id"].to_pylist())
        return self._ids[name]

    def _clear_leftovers(self) -> None:
        """Remove temporary files and uncommitted metrics of a process that was killed."""
        committed = set(frame.parts(self.folder))
        for kind in ("runs", "metrics"):
            for path in (self.folder / kind).iterdir():
                if path.name.startswith(".tmp-") or (
                    kind == "metrics" and path.suffix == ".parquet" and path.name not in committed
                ):
                    path.unlink()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with FileLock(self.folder / ".lock", timeout=LOCK_TIMEOUT):
                yield
        except Timeout:
            raise StoreError(
                f"{self.folder} is locked by another process for over {LOCK_TIMEOUT:g} s."
            ) from None


def _table(rows: list[dict[str, Any]], wanted: pa.Schema) -> pa.Table:
    """Return rows as a table; a key that the schema lacks is an error, not a dropped column."""
    unknown = {key for row in rows for key in row} - set(wanted.names)
    if unknown:
        raise KeyError(f"columns without a place in the schema: {sorted(unknown)}")
    return pa.Table.from_pylist(rows, schema=wanted)


def _without(run_ids: set[str], table: pa.Table) -> pa.Table:
    mask = [run_id not in run_ids for run_id in table["run_id"].to_pylist()]
    return table.filter(pa.array(mask, pa.bool_()))


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, write_page_checksum=True, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content
