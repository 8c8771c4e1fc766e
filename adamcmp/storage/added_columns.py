"""Columns that older versions did not write, filled with neutral values when a part is read.

A setting that a component gets after version 0.1 has a neutral value (`Component.neutral`), with
which stored runs were trained. They are read with it, so that a stored and a new run of equal
settings have equal columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from adamcmp.components.names import COMPONENT_GROUP_NAMES
from adamcmp.storage.arrow import arrow_type
from adamcmp.storage.columns import (
    ADDED_COLUMNS,
    Role,
    TableName,
    registered_columns,
    role_of,
)

if TYPE_CHECKING:
    from adamcmp.config.columns import NeutralColumn

#: Null in imported runs, whose settings are only those of the imported file.
_TRAINED_COLUMN = "adamcmp_version"
_PAIRED_COLUMN = "paired_seeds"
#: The columns that name components; they exist since version 0.1.
_NAME_COLUMNS = (*COMPONENT_GROUP_NAMES, "rule", "optimizer.rule")


def columns_to_read(table: TableName, columns: Collection[str] | None) -> list[str] | None:
    """Return the columns of a part that `with_added_columns` needs.

    Args:
        table: The table that is read.
        columns: The requested columns; None requests all.
    """
    if columns is None:
        return None
    if table != "runs" or not _may_have_neutral_values(columns):
        return list(columns)
    return list(dict.fromkeys([*columns, *_NAME_COLUMNS, _TRAINED_COLUMN]))


def with_added_columns(
    rows: pa.Table, table: TableName, columns: Collection[str] | None
) -> pa.Table:
    """Return rows of a part with the columns that the version which wrote them did not know.

    Args:
        rows: The rows, with the columns that `columns_to_read` returned.
        table: Their table.
        columns: The requested columns; None requests all.
    """
    registered = registered_columns(table)
    for name, value in ADDED_COLUMNS.items():
        missing = name in registered and name not in rows.column_names
        if missing and (columns is None or name in columns):
            scalar = pa.scalar(value, arrow_type(registered[name].type))
            rows = rows.append_column(name, pa.repeat(scalar, len(rows)))
    if table == "runs":
        rows = _with_paired_seeds(rows, columns)
    if table == "runs" and (columns is None or _may_have_neutral_values(columns)):
        return _with_neutral_values(rows, columns)
    return rows


def _with_paired_seeds(rows: pa.Table, columns: Collection[str] | None) -> pa.Table:
    """Add whether seeds are paired: those of trained runs are, an import had not said so."""
    missing = _PAIRED_COLUMN not in rows.column_names and _TRAINED_COLUMN in rows.column_names
    if missing and (columns is None or _PAIRED_COLUMN in columns):
        return rows.append_column(_PAIRED_COLUMN, pc.is_valid(rows[_TRAINED_COLUMN]))
    return rows


def _may_have_neutral_values(columns: Collection[str]) -> bool:
    """Return whether any column may be a setting; deciding it exactly imports `adamcmp.config`."""
    roles = {role_of(column) for column in columns if column not in _NAME_COLUMNS}
    return bool(roles & {Role.SETTING, Role.PROVENANCE})


def _with_neutral_values(rows: pa.Table, columns: Collection[str] | None) -> pa.Table:
    stored_columns = rows.column_names
    for name, neutral, applies in _neutral_values(rows):
        if columns is not None and name not in columns:
            continue
        column_type = arrow_type(neutral.type)
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(len(rows), column_type))
        elif name in stored_columns:
            if neutral.nullable:  # a null is the run's value
                continue
            applies = pc.and_(applies, pc.is_null(rows[name]))
        if not pc.any(applies).as_py():
            continue
        filled = pc.if_else(applies, pa.scalar(neutral.value, column_type), rows[name])
        rows = rows.set_column(rows.column_names.index(name), name, filled)
    return rows


def _neutral_values(rows: pa.Table) -> Iterator[tuple[str, NeutralColumn, pa.ChunkedArray]]:
    """Yield each added setting of the rows' components, with a mask of the rows that have it."""
    from adamcmp.config.columns import (
        name_column,
        neutral_component_columns,
        neutral_shared_columns,
    )

    if _TRAINED_COLUMN not in rows.column_names:
        return
    trained = pc.is_valid(rows[_TRAINED_COLUMN])
    for column, neutral in neutral_shared_columns().items():
        yield column, neutral, trained
    for group in COMPONENT_GROUP_NAMES:
        if name_column(group) not in rows.column_names:
            continue
        names = rows[name_column(group)]
        present = pc.unique(names.filter(trained))
        for number, name in enumerate(present.to_pylist()):
            # `pc.equal` with a Python value would import pandas.
            is_name = pc.is_in(names, value_set=present.slice(number, 1), skip_nulls=True)
            for column, neutral in neutral_component_columns(group, name).items():
                yield column, neutral, pc.and_(trained, is_name)
