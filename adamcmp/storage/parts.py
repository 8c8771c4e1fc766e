"""Parts: the immutable Parquet files of a study.

A part is a pair of files of one name: ``runs/<name>`` with one row per run and variant, and
``metrics/<name>`` with their evaluations. The runs file is written last and commits both; a
metrics file without its runs file was left by a killed process and is not read.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from adamcmp.errors import StoreError
from adamcmp.storage.added_columns import columns_to_read, with_added_columns
from adamcmp.storage.arrow import arrow_type
from adamcmp.storage.columns import METRIC_COLUMNS, SCHEMA_VERSION, Table, run_columns
from adamcmp.storage.folder import Folder
from adamcmp.storage.rows import RowIndex, RowKey, RunRow

#: The tables of a study, in the order of their digests in the names of parts.
TABLES: tuple[Table, ...] = ("runs", "metrics")
#: Key of a Parquet file's metadata that holds the schema version.
VERSION_KEY = b"adamcmp_schema"
# Version 0.1 numbered its parts from 000000; later ones have the time in nanoseconds.
_NAME = re.compile(r"(?P<order>\d{6,})-(?P<runs>[0-9a-f]{12})-(?P<metrics>[0-9a-f]{12})\.parquet")


T = TypeVar("T")


def arrow_schema(types: Mapping[str, Any]) -> pa.Schema:
    """Return the Arrow schema of columns, from their Python types (see `Column.type`)."""
    fields = [pa.field(name, arrow_type(python_type)) for name, python_type in types.items()]
    return pa.schema(fields, metadata={VERSION_KEY: str(SCHEMA_VERSION)})


def run_schema() -> pa.Schema:
    """Return the Arrow schema of `runs`."""
    return arrow_schema({name: column.type for name, column in run_columns().items()})


METRIC_SCHEMA = arrow_schema({name: column.type for name, column in METRIC_COLUMNS.items()})


def table_of_rows(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; missing columns are null.

    Raises:
        KeyError: If a row has a key that the schema lacks.
    """
    unknown = {key for row in rows for key in row} - set(schema.names)
    if unknown:
        raise KeyError(f"columns that are not registered: {sorted(unknown)}")
    return pa.Table.from_pylist(rows, schema=schema)


def list_parts(folder: Folder) -> dict[str, str]:
    """Return the names of a study's parts in the order in which they were written.

    Returns:
        The version of each runs file (see `Folder.list`), by the name of the part.
    """
    files = folder.list("runs/")
    versions = {
        file.removeprefix("runs/"): version
        for file, version in files.items()
        if file.endswith(".parquet")
    }
    return {name: versions[name] for name in sorted(versions, key=_order)}


def _order(name: str) -> tuple[int, str]:
    match = _NAME.fullmatch(name)
    return (int(match["order"]) if match else -1), name


def part_name(contents: Mapping[Table, bytes]) -> str:
    """Return the name of a part that is written now.

    The name contains the time, which orders parts without a list of the existing ones, and a digest
    of each file. Parquet's checksums cover the pages but not the footer, where one flipped bit
    renames a column.
    """
    digests = "-".join(_digest(contents[table]) for table in TABLES)
    return f"{time.time_ns():020d}-{digests}.parquet"


def write_part(folder: Folder, tables: Mapping[Table, pa.Table]) -> None:
    """Write a part; if the process is killed meanwhile, the study is unchanged.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    contents = {table: _parquet(rows) for table, rows in tables.items()}
    name = part_name(contents)
    for table in reversed(TABLES):  # the runs file commits both
        folder.create(f"{table}/{name}", contents[table])


def delete_part(folder: Folder, name: str) -> None:
    """Delete both files of a part."""
    for table in TABLES:
        folder.delete(f"{table}/{name}")


def read_part(
    folder: Folder, table: Table, name: str, columns: Collection[str] | None = None
) -> pa.Table:
    """Return one table of a part, after checking it against the digest in its name.

    Args:
        folder: The study's files.
        table: Which table.
        name: The part's name.
        columns: Columns to read; None reads all. Columns that the file lacks are left out, except
            those in `ADDED_COLUMNS`.

    Raises:
        StoreError: If the file is missing, damaged, not written by adamcmp, or of a newer schema
            version.
    """
    location = folder.location(f"{table}/{name}")
    match = _NAME.fullmatch(name)
    if match is None:
        raise StoreError(f"{location} was not written by adamcmp: move it out of the study.")
    try:
        content = folder.read(f"{table}/{name}")
    except FileNotFoundError:
        raise _damaged(folder, table, name, "is missing") from None
    except OSError as error:
        raise StoreError(f"Cannot read {location}: {error.strerror or error}.") from None
    if _digest(content) != match[table]:
        raise _damaged(folder, table, name, "is damaged: its digest differs from its name")
    # Not pq.read_table, which imports pandas and applies the first file's schema to all files.
    # Not in Arrow's threads: if one of them releases `content` last while the interpreter exits,
    # the process aborts.
    with pq.ParquetFile(pa.BufferReader(content)) as file:
        rows = file.read(columns=columns_to_read(table, columns), use_threads=False)
    if int((rows.schema.metadata or {}).get(VERSION_KEY, b"0")) > SCHEMA_VERSION:
        raise StoreError(f"{location} was written by a newer adamcmp: update to read it.")
    rows = with_added_columns(rows, table, columns)
    if columns is None:
        return rows
    return rows.select([name for name in rows.column_names if name in columns])


@lru_cache(maxsize=4096)
def row_index(folder: Folder, name: str, version: str) -> RowIndex:
    """Return the index of a part's rows; each version of a part is read once per process.

    Args:
        folder: The study's files.
        name: The part's name.
        version: The version that `list_parts` returned.

    Raises:
        StoreError: If the part cannot be read (see `read_part`).
    """
    del version  # part of the cache key only
    table = read_part(folder, "runs", name, ["run_id", "variant", "attempt", "status"])
    columns = [table[c].to_pylist() for c in ("run_id", "variant", "attempt", "status")]
    return {
        RowKey(run_id, variant): RunRow(attempt, status)
        for run_id, variant, attempt, status in zip(*columns, strict=True)
    }


def read_consistently(folder: Folder, read: Callable[[Mapping[str, str]], T]) -> T:
    """Call a function with the list of parts; call it again if they were compacted meanwhile.

    Args:
        folder: The study's files.
        read: Called with the result of `list_parts`.

    Raises:
        StoreError: If the function raises it and the parts have not changed.
    """
    while True:
        parts = list_parts(folder)
        try:
            return read(parts)
        except StoreError:
            if list_parts(folder) == parts:
                raise


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=6).hexdigest()


def _damaged(folder: Folder, table: Table, name: str, problem: str) -> StoreError:
    return StoreError(
        f"{folder.location(f'{table}/{name}')} {problem}. Delete {name} from runs/ and metrics/ of "
        f"{folder.path}; the same command then trains its runs again."
    )


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, write_page_checksum=True, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content
