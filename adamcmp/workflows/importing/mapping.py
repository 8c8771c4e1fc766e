"""The mapping from the columns of another program's file to adamcmp's columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import (
    BEST,
    METRIC_COLUMNS,
    METRICS,
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
#: The hash of a row's settings without the seed. Headers are stripped, so no file has this column.
SETTING_ID = " setting"
#: Columns that the analysis adds to those of a study.
_ADDED_BY_ANALYSIS = frozenset(
    {"problem", "arm", "rank", "best", "settings", "selection_seed", "fresh"}
)
#: Losses, for which a file may hold a score of which higher values are better.
LOSSES = tuple(m for m in (*METRICS, *BEST) if m.endswith("_loss") and "gap" not in m)


@dataclass(frozen=True)
class ImportOptions:
    """How a file is read.

    Attributes:
        columns: The file's column, by adamcmp's column; only those whose names differ.
        constants: The value in all rows as text, by adamcmp's column.
        percent: Columns of adamcmp that the file holds in percent.
        higher_is_better: Losses of adamcmp for which the file holds a score, such as a reward: its
            negative is the loss.
        settings: Columns of the file that are additional settings; they keep their names.
        where: Conditions on the file's columns, such as ``"epoch<50"``, that select its rows.
        paired_seeds: Whether runs of equal seeds share initial weights and batches, so that
            optimizers are compared seed by seed.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    percent: frozenset[str] = frozenset()
    higher_is_better: frozenset[str] = frozenset()
    settings: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    paired_seeds: bool = False


def known_columns() -> dict[str, Any]:
    """Return the columns of adamcmp that a file can hold, and their types."""
    columns = {**run_columns(), **METRIC_COLUMNS}
    # A file's column "error" is hardly ever the text of an error message.
    excluded = {*columns_with_role(Role.IDENTITY, Role.PROVENANCE), "error", "finished_at"}
    return {name: column.type for name, column in columns.items() if name not in excluded}


def check_mapping(mapping: ImportOptions, table: CsvTable, known: Mapping[str, Any]) -> None:
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


def _check_conflicts(mapping: ImportOptions, known: Mapping[str, Any]) -> None:
    """Reject options that contradict each other, or the meaning of a column."""
    both = mapping.columns.keys() & mapping.constants.keys()
    if both:
        raise ConfigError(f"{sorted(both)[0]} is set by both --map and --set: use one of them.")
    _check_splits(mapping.columns)
    for column in mapping.settings:
        if column in known or column in columns_with_role(Role.IDENTITY, Role.OUTCOME):
            raise ConfigError(
                f"--settings {column}: is a column of adamcmp: use --map {column}={column}."
            )
        if column in _ADDED_BY_ANALYSIS:
            raise ConfigError(
                f"--settings {column}: reports use this name. Rename the column in the file."
            )
    _check_metrics("--percent", mapping.percent, SHARES, "errors and accuracies only")
    _check_metrics("--higher-is-better", mapping.higher_is_better, LOSSES, "losses only")


def _check_splits(columns: Mapping[str, str]) -> None:
    """Reject one column that is read as both a validation and a test metric."""
    for test in (name for name in columns if name.startswith("test_")):
        val = test.replace("test_", "val_", 1)
        if columns[test] == columns.get(val):
            raise ConfigError(
                f"--map {val} and {test} are both column {columns[test]!r}. Map only {val}: the "
                f"report then says that it selects and reports on the same split."
            )


def _check_metrics(
    option: str, columns: Iterable[str], allowed: Sequence[str], meaning: str
) -> None:
    for column in sorted(columns):
        if column not in allowed:
            raise ConfigError(f"{option} {column}: applies to {meaning}.{nearest(column, allowed)}")
