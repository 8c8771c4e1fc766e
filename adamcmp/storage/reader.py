"""Read studies, without importing torch.

The tables have the rows of each run's final weights, of its last attempt. Rows of other variants of
a run's weights are in the parts only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from adamcmp.errors import NotFound, StoreError, counted, nearest, shortened
from adamcmp.platform.addresses import Address
from adamcmp.storage.arrow import EXAMPLE_SCHEMA
from adamcmp.storage.columns import TableName
from adamcmp.storage.files import Files, FileVersion
from adamcmp.storage.locations import Location, files_at
from adamcmp.storage.metadata import METADATA_FILE, requested_runs
from adamcmp.storage.parts import (
    list_parts,
    list_table,
    part_order,
    read_consistently,
    read_part,
    row_indexes,
    tables_of,
)
from adamcmp.storage.rows import (
    INDEX_COLUMNS,
    RowKey,
    only_runs,
    rows_of_final_weights,
    superseded,
    without_runs,
)

if TYPE_CHECKING:
    import pandas as pd


#: Ends the message about a study or run that was not found.
ANOTHER_FOLDER = "--results FOLDER or ADAMCMP_RESULTS selects another results folder."


def list_studies(results: Location) -> list[str]:
    """Return the names of the studies in a results folder, the last changed one last.

    A study changed when its last part was written. Version 0.1 did not record that time, so its
    studies come first: the time of their files may be that of a checkout.
    """
    files = files_at(results)
    folders = files.folders()
    changed = files.concurrently(lambda study: _last_change(files, study), folders)
    changes = {s: time for s, time in zip(folders, changed, strict=True) if time is not None}
    return sorted(changes, key=lambda study: (changes[study], study))


def _last_change(files: Files, study: str) -> int | None:
    """Return when a study changed; None for a folder of something else."""
    with contextlib.suppress(PermissionError):
        if (metadata := f"{study}/{METADATA_FILE}") in (top := files.list(f"{study}/")):
            parts = (name.rpartition("/")[2] for name in files.list(f"{study}/runs/"))
            return max(map(part_order, parts), default=top[metadata].modified_ns)
    return None


def study_folder(results: Address, study: str | None) -> Address:
    """Return the folder of a study; None selects the study that was changed last.

    Raises:
        NotFound: If there is no such study.
    """
    existing = list_studies(results)
    if not existing:
        raise NotFound(no_studies(results))
    if study is None:
        return results / existing[-1]
    if study not in existing:
        if study in files_at(results).folders():
            files_at(results / study).list("")  # raises an error without the right to read it
            raise NotFound(
                f"{results / study} is not a study: it has no {METADATA_FILE}. Restore the file, "
                f"or name another study with `adamcmp ls`."
            )
        raise NotFound(
            f"There is no study {shortened(study)!r} in {results.absolute()}."
            f"{nearest(study, existing)} Choose from: {', '.join(sorted(existing)[:20])}. "
            f"{ANOTHER_FOLDER}"
        )
    return results / study


def no_studies(results: Address) -> str:
    """Return the message for a results folder without studies."""
    return (
        f"There are no studies in {results.absolute()}. `adamcmp run` creates one. {ANOTHER_FOLDER}"
    )


def no_runs(study: Location) -> str:
    """Return the message for a study without runs, which may have lost its folder ``runs``."""
    files = files_at(study)
    if not (metrics := list_table(files, "metrics")):
        requested = requested_runs(files)
        text = f"Study {files.address.name!r} has no runs yet."
        return f"{text} Its commands have {counted(requested, 'run')}." if requested else text
    if files.list("queue/"):  # a worker may just be writing the first rows
        return f"Study {files.address.name!r} has no runs yet."
    return (
        f"Study {files.address.name!r} has no runs: {files.location('runs')}/ is missing or empty, "
        f"but metrics/ has {len(metrics)} file{'s' * (len(metrics) > 1)}. Restore runs/ from a "
        f"backup, or repeat the commands that study.yaml lists to train the runs again."
    )


def part_names(study: Location) -> list[str]:
    """Return the names of a study's parts, in their order."""
    return list(list_parts(files_at(study)))


def read_runs(study: Location, columns: list[str] | None = None) -> pa.Table:
    """Return the runs of a study.

    Raises:
        StoreError: See `read_tables`.
    """
    return read_tables(study, {"runs": columns})["runs"]


def read_final_rows(
    study: Location, columns: list[str] | None = None, run_ids: Collection[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Return the row of each run as plain values, by run id.

    Args:
        study: The study.
        columns: The columns of the rows; None reads all columns.
        run_ids: The runs; those that are not stored are left out. None: all runs of the study.

    Raises:
        StoreError: See `read_tables`.
    """
    table = read_runs(study, None if columns is None else list(dict.fromkeys(["run_id", *columns])))
    if run_ids is not None:
        table = only_runs(table, pa.array(list(run_ids), pa.string()))
    return {row["run_id"]: row for row in table.to_pylist()}


def read_metrics(study: Location, columns: list[str] | None = None) -> pa.Table:
    """Return the evaluations of a study's runs.

    Raises:
        StoreError: See `read_tables`.
    """
    return read_tables(study, {"metrics": columns})["metrics"]


def read_tables(
    study: Location, columns: Mapping[TableName, Sequence[str] | None]
) -> dict[TableName, pa.Table]:
    """Return a consistent snapshot of tables of a study.

    Args:
        study: The study.
        columns: The tables to read, and the columns of each; None reads all columns. Columns that
            no part has are left out.

    Raises:
        StoreError: If a part is missing, damaged, not written by adamcmp, or of a newer schema
            version.
    """
    files = files_at(study)

    def read(parts: Mapping[str, FileVersion]) -> dict[TableName, pa.Table]:
        runs = _read_runs(files, parts, columns)
        stale = superseded(runs)

        def counting_rows(table: TableName, name: str) -> pa.Table:
            is_read = table == "runs"
            rows = (
                runs[name] if is_read else read_part(files, table, name, _with_key(columns[table]))
            )
            return rows_of_final_weights(without_runs(rows, stale[name]))

        def all_rows(table: TableName) -> pa.Table:
            names = [name for name in parts if table in tables_of(name)]
            rows = files.concurrently(partial(counting_rows, table), names)
            return _concatenated(rows or [_empty(table)], columns[table])

        return {table: all_rows(table) for table in columns}

    return read_consistently(files, read)


def _read_runs(
    files: Files,
    parts: Mapping[str, FileVersion],
    columns: Mapping[TableName, Sequence[str] | None],
) -> dict[str, pa.Table]:
    """Return the runs of each part, with the requested columns and those that tell which count."""
    if "runs" not in columns:
        return row_indexes(files, parts)
    requested = columns["runs"]
    needed = None if requested is None else [*dict.fromkeys([*INDEX_COLUMNS, *requested])]
    return {name: read_part(files, "runs", name, needed) for name in parts}


def _with_key(columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else list(dict.fromkeys([*RowKey._fields, *columns]))


def _empty(table: TableName) -> pa.Table:
    """Return the table of a study without such rows; of `runs` and `metrics`, only some columns."""
    if table == "examples":
        return EXAMPLE_SCHEMA.empty_table()
    return pa.table({"run_id": pa.array([], pa.string()), "step": pa.array([], pa.int64())})


def _concatenated(parts: list[pa.Table], columns: Sequence[str] | None) -> pa.Table:
    # Promoting keeps columns that only some parts have, with nulls for the others.
    table = pa.concat_tables(parts, promote_options="default")
    existing = table.column_names
    return table.select([c for c in (existing if columns is None else columns) if c in existing])


def load_runs(study: Location) -> pd.DataFrame:
    """Return the runs of a study as a DataFrame, as `load`.

    Raises:
        StoreError: See `read_tables`.
    """
    return _data_frame(read_runs(study))


def load_examples(study: Location) -> pd.DataFrame:
    """Return the outcomes of the examples of a study's runs as a DataFrame.

    Imported runs, diverged ones, those of version 0.1 and those trained with
    ``eval.examples=false`` have no rows. `adamcmp.storage.outcomes.decode` returns the numbers
    of a row.

    Raises:
        StoreError: See `read_tables`.
    """
    return _data_frame(read_tables(study, {"examples": None})["examples"])


def load(study: Location) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a study's (runs, metrics) as DataFrames; integers are nullable ``Int64``.

    Raises:
        StoreError: See `read_tables`; also if an evaluation belongs to no run.
    """
    tables = read_tables(study, {"runs": None, "metrics": None})
    runs, metrics = (_data_frame(table) for table in tables.values())
    orphans = set(metrics["run_id"]) - set(runs["run_id"])
    if orphans:
        raise StoreError(
            f"{files_at(study).location('metrics/')} has evaluations of {len(orphans)} runs that "
            f"are not in runs/."
        )
    return runs, metrics


def _data_frame(table: pa.Table) -> pd.DataFrame:
    import pandas as pd

    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame
