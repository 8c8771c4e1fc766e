"""The mapping from the columns of another program's file to adamcmp's columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import (
    METRIC_COLUMNS,
    RUN_COLUMNS,
    Role,
    columns_with_role,
    run_columns,
)
from adamcmp.workflows.importing.csv_table import CsvTable

#: Columns that every run needs, from the file or as a constant.
REQUIRED = ("optimizer", "dataset", "model", "lr", "wd", "seed")
#: Columns that hold names. A numeric column of this name in a file has another meaning.
NAME_COLUMNS = frozenset(name for name, column in RUN_COLUMNS.items() if column.type is str)
#: Columns that hold results; all others are settings.
RESULT_COLUMNS = frozenset(
    name
    for columns in (RUN_COLUMNS, METRIC_COLUMNS)
    for name, column in columns.items()
    if column.role not in (Role.SETTING, Role.PROVENANCE)
)
#: Errors, accuracies and gaps of errors, which a file may hold in percent.
SHARES = tuple(name for name, column in RUN_COLUMNS.items() if column.unit == "fraction")


@dataclass(frozen=True)
class ColumnMapping:
    """The mapping of a file's columns.

    Attributes:
        columns: The file's column, by adamcmp's column; only those whose names differ.
        constants: The value in all rows as text, by adamcmp's column.
        percent: Columns of adamcmp that the file holds in percent.
        settings: Columns of the file that are additional settings; they keep their names.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    percent: frozenset[str] = frozenset()
    settings: tuple[str, ...] = ()


def known_columns() -> dict[str, Any]:
    """Return the columns of adamcmp that a file can hold, and their types."""
    columns = {**run_columns(), **METRIC_COLUMNS}
    # A file's column "error" is hardly ever the text of an error message.
    excluded = {*columns_with_role(Role.IDENTITY, Role.PROVENANCE), "error", "finished_at"}
    return {name: column.type for name, column in columns.items() if name not in excluded}


def check_mapping(mapping: ColumnMapping, table: CsvTable, known: Mapping[str, Any]) -> None:
    """Reject a mapping that names columns that do not exist, or one column twice.

    Args:
        mapping: The mapping.
        table: The file.
        known: The columns of adamcmp; see `known_columns`.

    Raises:
        ConfigError: If it does; the message names the option and the nearest column.
    """
    for option, names in (("--map", mapping.columns), ("--set", mapping.constants)):
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"{option} {name}=: there is no column {name!r} of runs.{nearest(name, known)} "
                    f"To keep a setting that only this file has, use --settings COLUMN."
                )
    for column in (*mapping.columns.values(), *mapping.settings):
        if column not in table.columns:
            raise ConfigError(
                f"{table.path} has no column {column!r}.{nearest(column, table.columns)} It has: "
                f"{', '.join(table.columns)}."
            )
    _check_conflicts(mapping, known)


def _check_conflicts(mapping: ColumnMapping, known: Mapping[str, Any]) -> None:
    both = mapping.columns.keys() & mapping.constants.keys()
    if both:
        raise ConfigError(f"{sorted(both)[0]} is set by both --map and --set: use one of them.")
    for column in mapping.settings:
        if column in known or column in columns_with_role(Role.IDENTITY, Role.OUTCOME):
            raise ConfigError(
                f"--settings {column}: is a column of adamcmp: use --map {column}={column}."
            )
    for column in sorted(mapping.percent):
        if column not in SHARES:
            raise ConfigError(
                f"--percent {column}: applies to errors and accuracies only."
                f"{nearest(column, SHARES)}"
            )
