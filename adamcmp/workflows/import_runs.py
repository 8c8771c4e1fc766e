"""Import runs that another program trained into a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from adamcmp.errors import ConfigError
from adamcmp.platform.addresses import Address
from adamcmp.platform.provenance import package_version
from adamcmp.storage import reader
from adamcmp.storage.arrow import METRIC_SCHEMA, arrow_schema
from adamcmp.storage.columns import ADDED_COLUMNS, Column, run_columns
from adamcmp.storage.rows import without_runs
from adamcmp.storage.store import Store
from adamcmp.workflows.importing import (
    ImportOptions,
    MappedTable,
    read_csv_table,
    runs_and_metrics,
)

#: Rows that are compared at a time, since pandas needs several times the memory of Arrow.
_BATCH = 100_000


@dataclass(frozen=True)
class ImportResult:
    """The runs of an imported file.

    Attributes:
        folder: The folder of the study.
        source: The file and the mapping of its columns.
        runs: One row per run, by the columns of `runs`.
        metrics: One row per run and evaluation; empty if each row of the file is a run.
        replaced: Number of runs that replaced a run of the study with other values.
        unchanged: Number of runs that the study already held with the same values.
    """

    folder: Address
    source: MappedTable
    runs: pd.DataFrame
    metrics: pd.DataFrame
    replaced: int
    unchanged: int = 0


def import_runs(
    file: Path, folder: Address, mapping: ImportOptions, *, dry_run: bool = False
) -> ImportResult:
    """Import the runs of a CSV file into a study.

    Args:
        file: The CSV file.
        folder: The folder of the study, which is new or holds imported runs.
        mapping: The mapping of the file's columns.
        dry_run: Read and check the file, but write nothing.

    Raises:
        ConfigError: If a row cannot be read, or the study holds other runs.
        StoreError: If the study is damaged or cannot be written.
    """
    source = MappedTable(read_csv_table(file), mapping)
    runs, metrics = runs_and_metrics(source)
    runs["study"] = folder.name
    runs["paired_seeds"] = mapping.paired_seeds
    if "loss" not in runs:
        runs["loss"] = "negative score" if mapping.higher_is_better else "loss"  # labels of axes
    provenance = _provenance(source, folder.name)
    store = Store(folder)
    _check_study(store, provenance)
    existing = store.statuses() if store.study_metadata() else {}
    types = {**_types(run_columns()), **source.extra_types}
    run_rows = _arrow_table(runs, arrow_schema(types))
    metric_rows = _arrow_table(metrics, METRIC_SCHEMA)
    stored, unchanged = 0, set[str]()
    if existing:
        _check_types(folder, source.extra_types)
        stored = sum(run_id in existing for run_id in runs["run_id"])
        measured = metric_rows.select([c for c in METRIC_SCHEMA.names if c in metrics])
        unchanged = _unchanged(folder, run_rows, measured)
    if not dry_run:
        run_rows, metric_rows = (without_runs(rows, unchanged) for rows in (run_rows, metric_rows))
        store.add_imported(run_rows, metric_rows, provenance)
    return ImportResult(folder, source, runs, metrics, stored - len(unchanged), len(unchanged))


def _unchanged(folder: Address, runs: pa.Table, metrics: pa.Table) -> set[str]:
    """Return the ids of the runs that a study holds with the same values and evaluations."""
    stored = reader.read_tables(folder, {"runs": None, "metrics": metrics.column_names})
    unchanged = _equal_runs(stored["runs"], runs)
    # Without columns, each row of the file is a run.
    return unchanged & _equal_runs(stored["metrics"], metrics) if metrics.num_columns else unchanged


def _equal_runs(stored: pa.Table, imported: pa.Table) -> set[str]:
    """Return the ids of the runs with equal rows in two tables, in any order."""
    # A column that one table lacks is empty there.
    columns = pa.unify_schemas([stored.schema, imported.schema], promote_options="default")
    first, second = (
        _digests(pa.concat_tables([table, columns.empty_table()], promote_options="default"))
        for table in (stored, imported)
    )
    return {str(run_id) for run_id, digest in second.items() if first.get(run_id) == digest}


def _digests(rows: pa.Table) -> dict[str, int]:
    """Return a digest of the rows of each run."""
    # Reading sets the columns that are filled in the stored rows.
    filled = {name for name, value in ADDED_COLUMNS.items() if value is not None}
    rows = rows.select(sorted(set(rows.column_names) - filled))
    # pandas represents whole numbers and truth values differently if some cells are empty.
    comparable = [
        field.with_type(pa.float64())
        if pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)
        else field
        for field in rows.schema
    ]
    rows = rows.cast(pa.schema(comparable), safe=False)
    lists = {field.name: str for field in rows.schema if pa.types.is_list(field.type)}
    digests: dict[str, int] = {}
    for batch in rows.to_batches(max_chunksize=_BATCH):
        values = batch.to_pandas().astype(lists)
        sums = pd.util.hash_pandas_object(values, index=False).groupby(values["run_id"]).sum()
        for run_id, digest in sums.items():
            digests[str(run_id)] = (digests.get(str(run_id), 0) + int(digest)) % 2**64
    return digests


def _provenance(source: MappedTable, study: str) -> dict[str, Any]:
    """Return the record of an import for study.yaml: the command, the file, the mapping."""
    table, mapping = source.source, source.mapping
    options = {
        "--map": [f"{name}={column}" for name, column in mapping.columns.items()],
        "--set": [f"{name}={text}" for name, text in mapping.constants.items()],
        "--percent": sorted(mapping.percent),
        "--higher-is-better": sorted(mapping.higher_is_better),
        "--settings": list(mapping.settings),
        "--where": list(mapping.where),
    }
    flags = [
        argument for option, values in options.items() if values for argument in (option, *values)
    ]
    flags += ["--paired-seeds"] if mapping.paired_seeds else []
    return {
        "words": [f"import-csv {table.path}", "--study", study, *flags],
        "file": str(table.path),
        "sha256": table.sha256,
        "rows": len(table.rows),
        "map": dict(source.columns),
        "set": dict(mapping.constants),
        "percent": sorted(mapping.percent),
        "higher_is_better": sorted(mapping.higher_is_better),
        "settings": list(mapping.settings),
        "where": list(mapping.where),
        "paired_seeds": mapping.paired_seeds,
        "adamcmp_version": package_version("adamcmp"),
    }


def _check_study(store: Store, provenance: Mapping[str, Any]) -> None:
    """Reject a study of trained runs, and a second import of a file with another mapping."""
    study = store.study_metadata()
    if study and "imported" not in study:
        raise ConfigError(
            f"Study {store.folder.name!r} holds runs that adamcmp trained; a study holds either "
            f"trained or imported runs. Import into another one: --study NAME."
        )
    for earlier in study.get("asked", []):
        options = ("map", "set", "percent", "settings")
        changed = [option for option in options if earlier[option] != provenance[option]]
        if earlier["sha256"] == provenance["sha256"] and changed:
            raise ConfigError(
                f"{provenance['file']} was already imported into study {store.folder.name!r} with "
                f"another --{changed[0]}, and each run would be stored twice. Import it into "
                f"another study, or delete {store.folder} first."
            )


def _check_types(folder: Address, extra_types: Mapping[str, type]) -> None:
    """Reject an additional setting whose type differs from the study's column."""
    stored = reader.read_runs(folder).schema
    for field in arrow_schema(dict(extra_types)):
        known = stored.field(field.name).type if field.name in stored.names else field.type
        if known != field.type:
            raise ConfigError(
                f"--settings {field.name}: holds {_type_name(known)} in study {folder.name!r}, but "
                f"{_type_name(field.type)} in this file. Import the file into another study: "
                f"--study NAME."
            )


def _type_name(arrow_type: pa.DataType) -> str:
    return "numbers" if arrow_type == pa.float64() else "text"


def _types(columns: Mapping[str, Column]) -> dict[str, Any]:
    return {name: column.type for name, column in columns.items()}


def _arrow_table(table: pd.DataFrame, target: pa.Schema) -> pa.Table:
    arrays = [
        pa.array(table[field.name], field.type, from_pandas=True)
        if field.name in table
        else pa.nulls(len(table), field.type)
        for field in target
    ]
    return pa.Table.from_arrays(arrays, schema=target)
