"""A CSV file's rows under the names of adamcmp's columns, each with the id of its run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adamcmp.components.registry import canonical_json
from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.arrow import arrow_type
from adamcmp.storage.columns import BASE_METRICS, BEST, METRICS, NORMS
from adamcmp.workflows.importing.cells import parse_cell, parse_seed
from adamcmp.workflows.importing.csv_table import CsvTable
from adamcmp.workflows.importing.derived import add_derived
from adamcmp.workflows.importing.mapping import (
    NAME_COLUMNS,
    REQUIRED,
    RESULT_COLUMNS,
    SETTING_ID,
    SHARES,
    ImportOptions,
    check_mapping,
    known_columns,
)
from adamcmp.workflows.importing.row_checks import check_duplicates, check_filled, check_shares

if TYPE_CHECKING:
    import pandas as pd

#: Largest allowed metric; squares of larger numbers overflow in confidence intervals.
_LARGEST_METRIC = 1e100
_MEASURED = (*METRICS, *BEST, *NORMS)
_FRACTIONS = {share for share in SHARES if "gap" not in share}


class MappedTable:
    """A file's rows under the names of adamcmp's columns.

    Args:
        source: The file.
        mapping: The mapping of its columns. Columns that have adamcmp's names need no mapping.

    Attributes:
        source: The file's rows that are read.
        mapping: The mapping.
        columns: The file's column, by adamcmp's column.
        unused: Columns of the file that are not read.

    Raises:
        ConfigError: If a column is unknown or missing.
    """

    def __init__(self, source: CsvTable, mapping: ImportOptions) -> None:
        joined = mapping.columns.get("seed", "").split(",")
        if len(joined) > 1 and source.columns.keys() >= set(joined):
            source = source.with_joined(joined)
        self.source, self.mapping = source, mapping
        self._types = known_columns()
        check_mapping(mapping, source, self._types)
        if mapping.where:
            self.source = source.where(mapping.where, mapping.columns)
        mapped = {*mapping.columns.values(), *mapping.constants}
        same_name = [c for c in source.columns if c in self._types and c not in mapped]
        self.columns = {
            # A numeric column that is called "model", for example, does not hold names of models.
            **{c: c for c in same_name if not self._is_numeric_name(c)},
            **mapping.columns,
            **{c: c for c in mapping.settings},
        }
        used = {*self.columns.values(), *joined}
        self.unused = [c for c in source.columns if c not in used]
        self._check_required()

    @property
    def has_evaluations(self) -> bool:
        """Whether each row is an evaluation at a step instead of a run."""
        return "step" in self.columns

    @cached_property
    def extra_types(self) -> dict[str, type]:
        """The types of the file's additional settings: float if all cells are numbers, else str."""
        return {c: float if self.source.is_numeric(c) else str for c in self.mapping.settings}

    def read(self) -> pd.DataFrame:
        """Return all rows, and release the file's cells.

        Texts are categorical, and a metric that is not finite is inf. Two columns are added:
        ``run_id``, a hash of the run's settings, and `SETTING_ID`, one without the seed.

        Raises:
            ConfigError: If a cell cannot be read; the message names its row.
        """
        import pandas as pd

        data = self._values()
        check_filled(self.source, data)
        metrics = {c: self._metric(c, data.pop(c)) for c in _MEASURED if c in data}
        check_shares(self.source, metrics)
        columns = pa.table({**data, **self._ids(data)})
        # Nullable integers, because a float cannot hold every seed.
        table = columns.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        table = pd.concat([table, pd.DataFrame(metrics)], axis="columns")
        check_duplicates(self.source, table, self.unused)
        # The texts of a million rows take hundreds of megabytes, and are not needed any more.
        self.source = replace(self.source, columns={})
        return add_derived(table)

    def _values(self) -> dict[str, pa.Array]:
        """Return the values of cells and constants, by adamcmp's column."""
        types = {**self._types, **self.extra_types}
        data = {
            name: self.source.values(
                column, types[name], f"{name} (column {column!r})", _parser(name)
            )
            for name, column in self.columns.items()
        }
        for name, text in self.mapping.constants.items():
            value = pa.array([_constant(name, text, types[name])], arrow_type(types[name]))
            value = value.dictionary_encode() if types[name] is str else value
            data[name] = value.take(pa.array(np.zeros(len(self.source.rows), np.int64)))
        return data

    def _ids(self, data: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """Return the hash of each row's settings, and of its settings without the seed."""
        import pandas as pd

        settings = sorted(c for c in data if c not in RESULT_COLUMNS)
        run = np.zeros(len(self.source.rows), np.int64)
        # Rows with equal cells are hashed once.
        for name in (c for c in settings if c in self.columns):
            codes = self.source.encoded(self.columns[name]).indices.to_numpy()
            run = pd.factorize(run * (int(codes.max()) + 1) + codes)[0]
        first = np.unique(run, return_index=True)[1]
        rows = pa.table({c: data[c] for c in settings}).take(pa.array(first)).to_pylist()
        ids = {
            "run_id": pa.array([_hash(row) for row in rows]),
            # With a constant seed, all runs of a setting have the same hash.
            SETTING_ID: pa.array([_hash({**row, "seed": 0}) for row in rows]),
        }
        return {
            name: hashes.dictionary_encode().take(pa.array(run)) for name, hashes in ids.items()
        }

    def _is_numeric_name(self, column: str) -> bool:
        return column in NAME_COLUMNS and self.source.is_numeric(column)

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
        for option in ("percent", "higher_is_better"):
            missing = sorted(getattr(self.mapping, option) - self.columns.keys())
            if missing:
                flag = option.replace("_", "-")
                raise ConfigError(f"--{flag} {missing[0]}: no column of the file is {missing[0]}.")
        if not any(
            f"{split}_{m}" in self.columns for split in ("test", "val") for m in BASE_METRICS
        ):
            raise ConfigError(
                f"{path} has no test metric: --map test_error=COLUMN (or test_accuracy, "
                f"test_loss; val_error if it has a validation split only). Columns: {candidates}."
            )
        epochs_known = "epoch" in available or {"train_examples", "batch_size"} <= available
        if self.has_evaluations and not epochs_known:
            raise ConfigError(
                f"{path}: no column is read as epoch, which learning curves need: add to --map "
                f"epoch=COLUMN, or --set train_examples=50000 batch_size=128. A column can be both "
                f"step and epoch: --map step={(step := self.columns['step'])} epoch={step}."
            )

    def _metric(self, column: str, cells: pa.DoubleArray) -> NDArray[np.float64]:
        """Return a metric's values: NaN for an empty cell, inf for one that is not finite."""
        scale = 100.0 if column in self.mapping.percent else 1.0
        scale = -scale if column in self.mapping.higher_is_better else scale
        values = cells.to_numpy(zero_copy_only=False) / scale
        is_finite = np.isfinite(values)
        if column in _FRACTIONS:
            hint = "" if scale > 1 else f"; if it is in percent, add --percent {column}"
            outside = is_finite & ((values < 0) | (values > 1))
            self._reject(outside, cells, column, f"is not a fraction{hint}")
        self._reject(
            is_finite & (abs(values) > _LARGEST_METRIC),
            *(cells, column),
            "is too large to be averaged; mark a diverged run with inf, nan or the status diverged",
        )
        return np.where(is_finite | cells.is_null().to_numpy(zero_copy_only=False), values, np.inf)

    def _reject(
        self, invalid: NDArray[np.bool_], cells: pa.Array, column: str, problem: str
    ) -> None:
        if invalid.any():
            index = int(invalid.argmax())
            raise self.source.row_error(index, f"{column}={cells[index].as_py():g} {problem}")


def _parser(column: str) -> Callable[[str, Any, bool], Any]:
    return parse_seed if column == "seed" else parse_cell


def _constant(column: str, text: str, value_type: Any) -> Any:
    try:
        return _parser(column)(text, value_type, False)
    except ValueError as error:
        raise ConfigError(f"--set {column}={text}: should be {error}.") from None


def _hash(settings: Mapping[str, Any]) -> str:
    # An empty cell must not change the id, so that columns can be added to the file later.
    filled = {name: value for name, value in settings.items() if value is not None}
    text = canonical_json({"imported": filled})
    return hashlib.sha256(text.encode()).hexdigest()[:16]
