"""Read studies from disk, without importing torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from adamcmp.errors import NotFound, StoreError, nearest
from adamcmp.storage.columns import Table
from adamcmp.storage.folder import Folder
from adamcmp.storage.parts import TABLES, list_parts, read_consistently, read_part, row_index
from adamcmp.storage.rows import RowKey, of_final_weights, superseded, without_rows

if TYPE_CHECKING:
    import pandas as pd

#: A study's metadata: its numerics or the files it was imported from, and its commands.
METADATA_FILE = "study.yaml"


def read_study_metadata(study: Path) -> dict[str, Any]:
    """Return the content of a folder's study.yaml; empty for a study that does not exist.

    Raises:
        StoreError: If it is damaged.
    """
    path = study / METADATA_FILE
    try:
        metadata = yaml.safe_load(Folder(study).read(METADATA_FILE).decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is damaged ({error}).") from None
    if not isinstance(metadata, dict) or not {"numerics", "imported"} & metadata.keys():
        raise StoreError(f"{path} is damaged: it does not describe a study.")
    return metadata


def list_studies(results: Path) -> list[str]:
    """Return the names of the studies in a results folder, the last changed one last."""
    if not results.is_dir():
        return []
    folders = [path.parent for path in results.glob(f"*/{METADATA_FILE}")]
    return [f.name for f in sorted(folders, key=lambda f: (_last_change(f), f.name))]


def study_folder(results: Path, study: str | None) -> Path:
    """Return the folder of a study; None selects the study that was changed last.

    Raises:
        NotFound: If there is no such study.
    """
    existing = list_studies(results)
    if not existing:
        raise NotFound(f"There are no studies in {results}. `adamcmp run` creates one.")
    if study is None:
        return results / existing[-1]
    if study not in existing:
        raise NotFound(
            f"There is no study {study!r} in {results}.{nearest(study, existing)} "
            f"There are: {', '.join(sorted(existing)[:20])}."
        )
    return results / study


def part_names(study: Path) -> list[str]:
    """Return the names of a study's parts, in the order in which they were written."""
    return list(list_parts(Folder(study)))


def read_runs(study: Path, columns: list[str] | None = None) -> pa.Table:
    """Return the runs of a study.

    Raises:
        StoreError: See `read_tables`.
    """
    return read_tables(study, {"runs": columns})["runs"]


def read_final_rows(study: Path, columns: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the row of each run's final weights as plain values, by run id.

    Args:
        study: The study's folder.
        columns: The columns of the rows; None reads all columns.

    Raises:
        StoreError: As `read_tables`.
    """
    key = list(RowKey._fields)
    table = read_runs(study, None if columns is None else list(dict.fromkeys([*key, *columns])))
    rows = table.to_pylist()
    return of_final_weights({RowKey(row["run_id"], row["variant"]): row for row in rows})


def read_metrics(study: Path, columns: list[str] | None = None) -> pa.Table:
    """Return the evaluations of a study's runs.

    Raises:
        StoreError: See `read_tables`.
    """
    return read_tables(study, {"metrics": columns})["metrics"]


def read_tables(
    study: Path, columns: Mapping[Table, Sequence[str] | None]
) -> dict[Table, pa.Table]:
    """Return a consistent snapshot of tables of a study, with each run's last attempt only.

    Args:
        study: The study's folder.
        columns: The tables to read, and the columns of each; None reads all columns. Columns that
            no part has are left out.

    Raises:
        StoreError: If a part is missing, damaged, not written by adamcmp, or of a newer schema
            version.
    """
    folder = Folder(study)

    def read(parts: Mapping[str, str]) -> dict[Table, pa.Table]:
        stale = superseded([row_index(folder, *part) for part in parts.items()])
        return {
            table: _concatenated(
                [
                    without_rows(read_part(folder, table, name, _with_key(selected)), rows)
                    for name, rows in zip(parts, stale, strict=True)
                ],
                selected,
            )
            for table, selected in columns.items()
        }

    return read_consistently(folder, read)


def _with_key(columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else list(dict.fromkeys(["run_id", "variant", *columns]))


def _concatenated(parts: list[pa.Table], columns: Sequence[str] | None) -> pa.Table:
    if not parts:
        return pa.table({"run_id": pa.array([], pa.string()), "step": pa.array([], pa.int64())})
    # Promoting keeps columns that only some parts have, with nulls for the others.
    table = pa.concat_tables(parts, promote_options="default")
    existing = table.column_names
    return table.select([c for c in (existing if columns is None else columns) if c in existing])


def load(study: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a study's (runs, metrics) as DataFrames; integers are nullable ``Int64``.

    Raises:
        StoreError: See `read_tables`; also if an evaluation belongs to no run.
    """
    import pandas as pd

    tables = read_tables(study, dict.fromkeys(TABLES))
    runs, metrics = (
        tables[table].to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get) for table in TABLES
    )
    orphans = set(metrics["run_id"]) - set(runs["run_id"])
    if orphans:
        raise StoreError(
            f"{study / 'metrics'} has evaluations of {len(orphans)} runs that are not in runs/."
        )
    return runs, metrics


def _last_change(study: Path) -> int:
    paths = (study / METADATA_FILE, study / "runs")
    return max(path.stat().st_mtime_ns for path in paths if path.exists())
