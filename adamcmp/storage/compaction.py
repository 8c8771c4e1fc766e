"""Compaction: drop superseded rows and merge many small parts into one.

If the process is killed meanwhile, the old parts and the new one both exist, with equal rows;
`adamcmp.storage.rows.superseded` makes each row count once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from adamcmp.storage.columns import Table
from adamcmp.storage.folder import Folder
from adamcmp.storage.parts import (
    TABLES,
    delete_part,
    read_consistently,
    read_part,
    row_index,
    write_part,
)
from adamcmp.storage.rows import RowIndex, RowKey, superseded, without_rows

#: Number of parts of similar size from which they are merged into one.
COMPACT_AT = 32


@dataclass(frozen=True)
class Compaction:
    """The changes that compaction makes to a study.

    Attributes:
        stale: The superseded rows of each part.
        merges: Groups of parts, each rewritten as one part; a group of one part only loses its
            superseded rows.
    """

    stale: Mapping[str, set[RowKey]]
    merges: tuple[tuple[str, ...], ...]


def plan_compaction(folder: Folder) -> Compaction:
    """Return the changes that compaction would make to a study.

    Raises:
        StoreError: If a part is damaged.
    """
    indexes = read_consistently(folder, lambda parts: _indexes(folder, parts))
    stale = dict(zip(indexes, superseded(list(indexes.values())), strict=True))
    similar: dict[int, list[str]] = {}
    for name, rows in indexes.items():
        # Sizes within a factor of 8, so that large parts are seldom rewritten.
        similar.setdefault(len(rows).bit_length() // 3, []).append(name)
    numerous = [tuple(names) for names in similar.values() if len(names) >= COMPACT_AT]
    merged = {name for names in numerous for name in names}
    rewritten = [(name,) for name in indexes if stale[name] and name not in merged]
    return Compaction(stale, (*numerous, *rewritten))


def compact(folder: Folder) -> None:
    """Compact a study. Only one process at a time may do this; others may read and append.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
        StoreError: If a part is damaged.
    """
    compaction = plan_compaction(folder)
    for names in compaction.merges:
        tables = {table: _merged(folder, table, names, compaction.stale) for table in TABLES}
        if len(tables["runs"]):
            write_part(folder, tables)
        for name in names:
            delete_part(folder, name)


def _indexes(folder: Folder, parts: Mapping[str, str]) -> dict[str, RowIndex]:
    return {name: row_index(folder, name, version) for name, version in parts.items()}


def _merged(
    folder: Folder, table: Table, names: tuple[str, ...], stale: Mapping[str, set[RowKey]]
) -> pa.Table:
    rows = [without_rows(read_part(folder, table, name), stale[name]) for name in names]
    return pa.concat_tables(rows, promote_options="default")
