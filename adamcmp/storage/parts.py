"""Parts: the immutable Parquet files of a study.

A part is two or three files of one name: ``runs/<name>`` with one row per run and variant,
``metrics/<name>`` with their evaluations and, if there are any, ``examples/<name>`` with the
outcomes of examples. The name has a digest of each file. The runs file is written last and commits
the part; a file of another table without its runs file was left by a killed process and is not
read.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from adamcmp.errors import StoreError
from adamcmp.platform.clocks import boot_time_clock
from adamcmp.storage.added_columns import columns_to_read, with_added_columns
from adamcmp.storage.arrow import VERSION_KEY
from adamcmp.storage.columns import SCHEMA_VERSION, TableName
from adamcmp.storage.files import Files, FileVersion
from adamcmp.storage.rows import INDEX_COLUMNS

#: The tables of a study, in the order of their digests in the names of parts.
TABLES: tuple[TableName, ...] = ("runs", "metrics", "examples")
# Version 0.1 numbered its parts from 000000; later ones have the time in nanoseconds.
_NAME = re.compile(
    r"(?P<order>\d{6,})-(?P<runs>[0-9a-f]{12})-(?P<metrics>[0-9a-f]{12})"
    r"(-(?P<examples>[0-9a-f]{12}))?\.parquet"
)
#: If a part is not written within this time, its process may have been frozen.
SLOW_SECONDS = 0.5

T = TypeVar("T")


def list_parts(files: Files) -> dict[str, FileVersion]:
    """Return the names of a study's parts, in their order.

    Returns:
        The version of each runs file, by the name of the part.
    """
    versions = list_table(files, "runs")
    return {
        name: versions[name] for name in sorted(versions, key=lambda name: (part_order(name), name))
    }


def list_table(files: Files, table: TableName) -> dict[str, FileVersion]:
    """Return the version of each of a table's files, by the name of the part."""
    prefix = f"{table}/"
    return {
        file.removeprefix(prefix): version
        for file, version in files.list(prefix).items()
        if file.endswith(".parquet")
    }


def part_order(name: str) -> int:
    """Return a part's place in the order of the parts: the nanosecond in which it was written.

    Version 0.1 numbered its parts; a file that is no part has -1.
    """
    match = _NAME.fullmatch(name)
    return int(match["order"]) if match else -1


def part_name(contents: Mapping[TableName, bytes], order: int) -> str:
    """Return the name of a part: its place in the order of the parts, and a digest of each file.

    Parquet's checksums cover the pages but not the footer, where one flipped bit renames a column.
    """
    digests = "-".join(_digest(contents[table]) for table in TABLES if table in contents)
    return f"{order:020d}-{digests}.parquet"


def tables_of(name: str) -> tuple[TableName, ...]:
    """Return the tables of a part; none for a file that is no part."""
    match = _NAME.fullmatch(name)
    return tuple(table for table in TABLES if match and match[table])


def write_part(
    files: Files,
    tables: Mapping[TableName, pa.Table],
    replaced: Collection[str] = (),
    may_commit: Callable[[], bool] = lambda: True,
) -> bool:
    """Write a part; if the process is killed meanwhile, the study is unchanged.

    The time orders parts without a list of the existing ones.

    Args:
        files: The study's files.
        tables: The rows of each table. `examples` is not written if it has no rows.
        replaced: The parts that hold the same rows. The new part directly follows the last of them,
            so that parts which other processes write meanwhile follow it.
        may_commit: Called if writing takes long, before the part is committed; if it returns False,
            the study stays unchanged.

    Returns:
        Whether the part is committed.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    contents = {
        table: _parquet(rows) for table, rows in tables.items() if table != "examples" or len(rows)
    }
    begin = boot_time_clock()
    name = part_name(contents, max(map(part_order, replaced)) + 1 if replaced else time.time_ns())
    *others, runs = tables_of(name)[::-1]
    _create(files, name, contents, others)
    if boot_time_clock() - begin > SLOW_SECONDS and not may_commit():
        return False
    _create(files, name, contents, [runs])  # commits the part
    if boot_time_clock() - begin > SLOW_SECONDS:
        # If this process was frozen meanwhile, another one may have taken the other files for
        # those of a dead process, and removed them.
        _create(files, name, contents, others)
    return True


def _create(
    files: Files, name: str, contents: Mapping[TableName, bytes], tables: Sequence[TableName]
) -> None:
    for table in tables:
        # A file of this name has the same content: its name has the digest.
        with contextlib.suppress(FileExistsError):
            files.create(f"{table}/{name}", contents[table])


def delete_part(files: Files, name: str) -> None:
    """Delete the files of a part."""
    for table in tables_of(name):
        files.delete(f"{table}/{name}")


def read_part(
    files: Files, table: TableName, name: str, columns: Collection[str] | None = None
) -> pa.Table:
    """Return one table of a part, after checking it against the digest in its name.

    Args:
        files: The study's files.
        table: Which table.
        name: The part's name.
        columns: Columns to read; None reads all. Columns that the file lacks are left out, except
            those in `ADDED_COLUMNS`.

    Raises:
        StoreError: If the file is missing, damaged, not written by adamcmp, or of a newer schema
            version.
    """
    location = files.location(f"{table}/{name}")
    match = _NAME.fullmatch(name)
    if match is None:
        raise StoreError(f"{location} was not written by adamcmp: move it out of the study.")
    try:
        content = files.read(f"{table}/{name}")
    except FileNotFoundError:
        raise _damaged(files, table, name, "is missing") from None
    except StoreError:  # that of a bucket, or of missing rights, names the file
        raise
    except OSError as error:
        raise StoreError(f"Cannot read {location}: {error.strerror or error}.") from None
    if _digest(content) != match[table]:
        raise _damaged(files, table, name, "is damaged: its digest differs from its name")
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


def row_indexes(files: Files, parts: Mapping[str, FileVersion]) -> dict[str, pa.Table]:
    """Return the `INDEX_COLUMNS` of the runs of each part; a part is read once per process.

    Args:
        files: The study's files.
        parts: The parts, as `list_parts` returned them.

    Raises:
        StoreError: If a part cannot be read (see `read_part`).
    """
    indexes = files.concurrently(lambda part: _row_index(files, *part), parts.items())
    return dict(zip(parts, indexes, strict=True))


@lru_cache(maxsize=4096)
def _row_index(files: Files, name: str, version: FileVersion) -> pa.Table:
    del version  # part of the cache key only
    # Versions of adamcmp wrote the columns in different orders.
    return read_part(files, "runs", name, INDEX_COLUMNS).select(INDEX_COLUMNS)


def read_consistently(files: Files, read: Callable[[Mapping[str, FileVersion]], T]) -> T:
    """Call a function with the list of parts; call it again if they were compacted meanwhile.

    Args:
        files: The study's files.
        read: Called with the result of `list_parts`.

    Raises:
        StoreError: If a file of a part is missing or the function raises it, and the parts have
            not changed.
    """
    while True:
        parts = list_parts(files)
        try:
            _check_tables_exist(files, parts)
            return read(parts)
        except StoreError:
            if list_parts(files) == parts:
                raise


def _check_tables_exist(files: Files, parts: Iterable[str]) -> None:
    tables = TABLES[1:]  # each part has its runs
    listings = files.concurrently(partial(list_table, files), tables)
    for table, existing in zip(tables, listings, strict=True):
        # `read_part` refuses files that are no parts.
        missing = [name for name in parts if table in tables_of(name) and name not in existing]
        if len(missing) == 1:
            raise _damaged(files, table, missing[0], "is missing")
        if missing:
            which = "those files" if existing else "the whole folder runs/"
            raise StoreError(
                f"{files.address} is damaged: {len(missing)} files of runs/ have no file of the "
                f"same name in {table}/ ({missing[0]}, …). Restore {table}/ from a backup. "
                f"Otherwise delete {which} and repeat the commands that study.yaml lists: they "
                f"train these runs again."
            )


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=6).hexdigest()


def _damaged(files: Files, table: TableName, name: str, problem: str) -> StoreError:
    return StoreError(
        f"{files.location(f'{table}/{name}')} {problem}. Delete {name} from "
        f"{', '.join(f'{existing}/' for existing in tables_of(name))} of {files.address} and "
        f"repeat the command that trained its runs; study.yaml lists the commands."
    )


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # Statistics would repeat the longest values, the outcomes of examples.
    options = {"write_page_checksum": True, "compression": "zstd", "write_statistics": False}
    pq.write_table(table, sink, **options)
    content: bytes = sink.getvalue().to_pybytes()
    return content
