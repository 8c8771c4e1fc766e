"""A CSV file's rows under the names of adamcmp's columns, each with the id of its run."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from adamcmp.components.registry import canonical_json
from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import BASE_METRICS, BEST, METRICS, NORMS
from adamcmp.workflows.importing.csv_table import CsvTable, parse_cell
from adamcmp.workflows.importing.derived import add_derived
from adamcmp.workflows.importing.mapping import (
    NAME_COLUMNS,
    REQUIRED,
    RESULT_COLUMNS,
    SHARES,
    ColumnMapping,
    check_mapping,
    known_columns,
)
from adamcmp.workflows.importing.row_checks import check_duplicates, check_filled, check_shares

if TYPE_CHECKING:
    import pandas as pd

#: Largest allowed metric; squares of larger numbers overflow in confidence intervals.
_LARGEST_METRIC = 1e100
_FRACTIONS = {share for share in SHARES if "gap" not in share}


class MappedTable:
    """A file's rows under the names of adamcmp's columns.

    Args:
        source: The file.
        mapping: The mapping of its columns. Columns that have adamcmp's names need no mapping.

    Attributes:
        source: The file.
        mapping: The mapping.
        columns: The file's column, by adamcmp's column.
        unused: Columns of the file that are not read.

    Raises:
        ConfigError: If a column is unknown or missing.
    """

    def __init__(self, source: CsvTable, mapping: ColumnMapping) -> None:
        self.source, self.mapping = source, mapping
        self._types = known_columns()
        check_mapping(mapping, source, self._types)
        mapped = {*mapping.columns.values(), *mapping.constants}
        same_name = [c for c in source.columns if c in self._types and c not in mapped]
        self.columns = {
            # A numeric column that is called "model", for example, does not hold names of models.
            **{c: c for c in same_name if not self._is_numeric_name(c)},
            **mapping.columns,
            **{c: c for c in mapping.settings},
        }
        self.unused = [c for c in source.columns if c not in self.columns.values()]
        self._check_required()

    @property
    def has_evaluations(self) -> bool:
        """Whether each row is an evaluation at a step instead of a run."""
        return "step" in self.columns

    @cached_property
    def extra_types(self) -> dict[str, type]:
        """The types of the file's additional settings: float if all cells are numbers, else str."""
        return {c: float if _is_numeric(self.source, c) else str for c in self.mapping.settings}

    @cached_property
    def table(self) -> pd.DataFrame:
        """All rows; a metric that is not finite is inf.

        Two columns are added: ``run_id``, a hash of the run's settings, and ``setting``, a hash of
        its settings without the seed.

        Raises:
            ConfigError: If a cell cannot be read; the message names its row.
        """
        import pandas as pd

        data = self._values()
        check_filled(self.source, data)
        settings = {c: data[c] for c in sorted(data) if c not in RESULT_COLUMNS}
        # With a constant seed, all runs of a setting have the same hash.
        without_seed = {**settings, "seed": [0] * len(self.source.rows)}
        ids = {"run_id": _hashes(settings), "setting": _hashes(without_seed)}
        measured = [c for c in data if c in (*METRICS, *BEST, *NORMS)]
        metrics = {c: self._metric(c, data[c]) for c in measured}
        check_shares(self.source, metrics)
        table = pd.DataFrame({**data, **metrics, **ids})
        check_duplicates(self.source, table, self.unused)
        return add_derived(table)

    def _values(self) -> dict[str, list[Any]]:
        """Return the values of cells and constants, by adamcmp's column."""
        types = {**self._types, **self.extra_types}
        data = {
            name: self.source.values(column, types[name], f"{name} (column {column!r})")
            for name, column in self.columns.items()
        }
        for name, text in self.mapping.constants.items():
            data[name] = [_constant(name, text, types[name])] * len(self.source.rows)
        return data

    def _is_numeric_name(self, column: str) -> bool:
        return column in NAME_COLUMNS and _is_numeric(self.source, column)

    def _check_required(self) -> None:
        path = self.source.path
        available = {*self.columns, *self.mapping.constants}
        candidates = ", ".join(self.unused or self.source.columns)
        for name in REQUIRED:
            if name not in available:
                example = {"lr": "0.1", "wd": "0", "seed": "0"}.get(name, "NAME")
                raise ConfigError(
                    f"{path} has no column {name!r}.{nearest(name, self.unused)} Name the column, "
                    f"--map {name}=COLUMN, or give its value in all rows, --set {name}={example}. "
                    f"Columns: {candidates}."
                )
        missing = sorted(self.mapping.percent - self.columns.keys())
        if missing:
            raise ConfigError(f"--percent {missing[0]}: no column of the file is {missing[0]}.")
        if not any(f"test_{m}" in self.columns for m in BASE_METRICS):
            raise ConfigError(
                f"{path} has no test metric: --map test_error=COLUMN (or test_accuracy, "
                f"test_loss). Columns: {candidates}."
            )
        epochs_known = "epoch" in available or {"train_examples", "batch_size"} <= available
        if self.has_evaluations and not epochs_known:
            raise ConfigError(
                f"{path} has no column 'epoch', which learning curves need: --map epoch=COLUMN, or "
                f"--set train_examples=50000 batch_size=128. The column of steps can be mapped to "
                f"epoch, too."
            )

    def _metric(self, column: str, cells: Sequence[float | None]) -> list[float]:
        """Return a metric's values: NaN for an empty cell, inf for one that is not finite."""
        scale = 100.0 if column in self.mapping.percent else 1.0
        values = []
        for i, cell in enumerate(cells):
            value = math.nan if cell is None else cell / scale
            if cell is not None and not math.isfinite(cell):
                value = math.inf
            elif column in _FRACTIONS and not (math.isnan(value) or 0 <= value <= 1):
                hint = "" if scale > 1 else f"; if it is in percent, add --percent {column}"
                raise self.source.row_error(i, f"{column}={cell:g} is not a fraction{hint}")
            elif abs(value) > _LARGEST_METRIC:
                raise self.source.row_error(
                    i,
                    f"{column}={cell:g} is too large to be averaged; mark a diverged run with inf, "
                    f"nan or the status diverged",
                )
            values.append(value)
        return values


def _is_numeric(source: CsvTable, column: str) -> bool:
    try:
        return any(value is not None for value in source.values(column, float, column))
    except ConfigError:
        return False


def _constant(column: str, text: str, value_type: Any) -> Any:
    try:
        return parse_cell(text, value_type)
    except ValueError as error:
        raise ConfigError(f"--set {column}={text}: should be {error}.") from None


def _hashes(settings: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the hash of each row's settings, without empty cells."""
    known: dict[str, str] = {}
    hashes = []
    for row in zip(*settings.values(), strict=True):
        # An empty cell must not change the id, so that columns can be added to the file later.
        filled = {name: cell for name, cell in zip(settings, row, strict=True) if cell is not None}
        text = canonical_json({"imported": filled})
        if text not in known:
            known[text] = hashlib.sha256(text.encode()).hexdigest()[:16]
        hashes.append(known[text])
    return hashes
