"""The columns of many runs as a table, without a dictionary for each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from adamcmp.planning.specs import (
    SECTIONS,
    SHARED_COLUMNS,
    RunSpec,
    section_columns,
    section_of,
)
from adamcmp.storage.arrays import array_of


def spec_table(specs: Sequence[RunSpec], schema: pa.Schema) -> pa.Table:
    """Return the columns of runs that are known before training.

    Runs share their sections, such as an optimizer's settings, so each column is made from the
    values of the distinct sections.

    Args:
        specs: The runs.
        schema: The columns of the table. Those that no run has are null.

    Returns:
        The same as `adamcmp.storage.arrow.table_of_rows` of the `RunSpec.columns` of the runs.
    """
    columns = {"run_id": array_of([spec.run_id for spec in specs], pa.string())}
    for name, value in SHARED_COLUMNS.items():
        if name in schema.names:
            columns[name] = array_of([value] * len(specs), schema.field(name).type)
    for section in SECTIONS:
        columns |= _section_arrays(specs, section, schema)
    nulls = (field for field in schema if field.name not in columns)
    columns |= {field.name: array_of([None] * len(specs), field.type) for field in nulls}
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _section_arrays(specs: Sequence[RunSpec], section: str, schema: pa.Schema) -> dict[str, Any]:
    """Return the columns of a section, by name."""
    distinct: dict[int, int] = {}
    rows: list[Mapping[str, Any]] = []
    places: list[int] = []
    for spec in specs:
        component = section_of(spec, section)
        place = distinct.setdefault(id(component), len(distinct))
        if place == len(rows):
            rows.append(section_columns(section, component))
        places.append(place)
    names = dict.fromkeys(name for row in rows for name in row if name in schema.names)
    indices = array_of(places, pa.int64())
    return {
        name: array_of([row.get(name) for row in rows], schema.field(name).type).take(indices)
        for name in names
    }
