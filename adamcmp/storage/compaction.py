"""Compaction: drop superseded rows, merge many small parts into one, remove what was left over.

If the process is killed meanwhile, the old parts and the new one both exist, with equal rows;
`adamcmp.storage.rows.superseded` makes each row count once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from adamcmp.storage.checkpoints import CHECKPOINT_FOLDER
from adamcmp.storage.columns import TableName
from adamcmp.storage.files import Files, FileVersion
from adamcmp.storage.parts import (
    TABLES,
    delete_part,
    list_parts,
    list_table,
    read_consistently,
    read_part,
    row_indexes,
    tables_of,
    write_part,
)
from adamcmp.storage.rows import superseded, without_runs

#: Number of parts of similar size from which they are merged into one.
COMPACT_AT = 32


@dataclass(frozen=True)
class Compaction:
    """The changes that compaction makes to a study.

    Attributes:
        stale: The runs of each part whose rows are superseded.
        merges: Groups of parts, each rewritten as one part; a group of one part only loses its
            superseded rows.
    """

    stale: Mapping[str, set[str]]
    merges: tuple[tuple[str, ...], ...]


def is_crowded(files: Files) -> bool:
    """Return whether a study has so many parts of similar size that they should be merged.

    This takes listings only: with many workers, none may read what the others append.
    """
    return any(len(names) >= COMPACT_AT for names in _by_size(list_parts(files)))


def _by_size(parts: Mapping[str, FileVersion]) -> list[list[str]]:
    """Return the names of parts of similar size."""
    similar: dict[int, list[str]] = {}
    for name, version in parts.items():
        # Sizes within a factor of 8, so that large parts are seldom rewritten.
        similar.setdefault(version.size.bit_length() // 3, []).append(name)
    return list(similar.values())


def plan_compaction(files: Files) -> Compaction:
    """Return the changes that compaction would make to a study.

    Raises:
        StoreError: If a part is damaged.
    """
    parts, indexes = read_consistently(files, lambda parts: (parts, row_indexes(files, parts)))
    stale = superseded(indexes)
    numerous = [tuple(names) for names in _by_size(parts) if len(names) >= COMPACT_AT]
    merged = {name for names in numerous for name in names}
    rewritten = [(name,) for name in indexes if stale[name] and name not in merged]
    return Compaction(stale, (*numerous, *rewritten))


def compact(files: Files) -> None:
    """Compact a study. Only one process at a time may do this; others may read and append.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
        StoreError: If a part is damaged.
    """
    compaction = plan_compaction(files)
    for names in compaction.merges:
        # The other tables have many times the rows of `runs`.
        if len(_merged(files, "runs", names, compaction.stale)):
            tables = {
                table: _merged(files, table, names, compaction.stale)
                for table in TABLES
                if any(table in tables_of(name) for name in names)
            }
            write_part(files, tables, replaced=names)
        files.concurrently(partial(delete_part, files), names)


def remove_leftovers(files: Files, before_ns: int) -> None:
    """Remove partial writes and uncommitted files of parts that killed processes left.

    Args:
        files: The study's files.
        before_ns: Newer files are kept, since they may belong to a process that is writing them.

    Raises:
        OSError: If the folder cannot be written.
    """
    committed = list_parts(files)
    for table in TABLES:
        for name, version in list_table(files, table).items():
            if name not in committed and version.modified_ns < before_ns:
                files.delete(f"{table}/{name}")
    for prefix in ("", *(f"{table}/" for table in TABLES), CHECKPOINT_FOLDER):
        files.remove_partial_writes(prefix, before_ns)


def _merged(
    files: Files, table: TableName, names: tuple[str, ...], stale: Mapping[str, set[str]]
) -> pa.Table:
    parts = [name for name in names if table in tables_of(name)]
    rows = files.concurrently(
        lambda name: without_runs(read_part(files, table, name), stale[name]), parts
    )
    return pa.concat_tables(rows, promote_options="default")
