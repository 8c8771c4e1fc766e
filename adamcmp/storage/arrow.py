"""Arrow types, schemas and tables of the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from adamcmp.storage.arrays import array_of
from adamcmp.storage.columns import (
    EXAMPLE_COLUMNS,
    METRIC_COLUMNS,
    SCHEMA_VERSION,
    run_columns,
)

#: Key of a schema's metadata that holds the schema version.
VERSION_KEY = b"adamcmp_schema"
_ARROW_TYPES = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
}


def arrow_type(python_type: Any) -> pa.DataType:
    """Return the Arrow type of a column's Python type, as `Column.type` has it."""
    if python_type in _ARROW_TYPES:
        return _ARROW_TYPES[python_type]
    return pa.list_(_ARROW_TYPES[python_type.__args__[0]])


def arrow_schema(types: Mapping[str, Any]) -> pa.Schema:
    """Return the Arrow schema of columns, from their Python types (see `Column.type`)."""
    fields = [pa.field(name, arrow_type(python_type)) for name, python_type in types.items()]
    return pa.schema(fields, metadata={VERSION_KEY: str(SCHEMA_VERSION)})


def run_schema() -> pa.Schema:
    """Return the Arrow schema of `runs`."""
    return arrow_schema({name: column.type for name, column in run_columns().items()})


METRIC_SCHEMA = arrow_schema({name: column.type for name, column in METRIC_COLUMNS.items()})
EXAMPLE_SCHEMA = arrow_schema({name: column.type for name, column in EXAMPLE_COLUMNS.items()})


def table_of_rows(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; missing columns are null.

    Raises:
        KeyError: If a row has a key that the schema lacks.
    """
    unknown = {key for row in rows for key in row} - set(schema.names)
    if unknown:
        raise KeyError(f"columns that are not registered: {sorted(unknown)}")
    arrays = [array_of([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
