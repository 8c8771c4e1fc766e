"""Rows of runs that were not trained, and changes to the parts that hold rows."""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adamcmp.storage.files import Files
from adamcmp.storage.outcomes import encode
from adamcmp.storage.parts import part_name, tables_of
from adamcmp.storage.reader import part_names


def run_row(run_id: str, **columns: Any) -> dict[str, Any]:
    """Return a row of `runs`."""
    return {"run_id": run_id, "study": "s", "status": "done", **columns}


def evaluation(run_id: str, step: int = 0, **columns: Any) -> dict[str, Any]:
    """Return a row of `metrics`."""
    return {"run_id": run_id, "step": step, **columns}


def outcomes(run_id: str, values: Sequence[float] = (1, 0, 1), **columns: Any) -> dict[str, Any]:
    """Return a row of `examples`: by default, which of three test examples are wrong."""
    row = {"run_id": run_id, "split": "test", "metric": "error", "set_id": "s", **columns}
    count = len(values)
    return {"total": count, "stored": count, "outcomes": encode(values, row["metric"]), **row}


def rows_on_disk(files: Files, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of all rows of all parts, superseded ones included."""
    tables = [
        pq.read_table(pa.BufferReader(files.read(f"{table}/{name}")))
        for name in part_names(files)
        if table in tables_of(name)
    ]
    return [tuple(row[c] for c in columns) for rows in tables for row in rows.to_pylist()]


def rewrite_part(files: Files, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change the runs of a part, as another version of the program would have written them."""
    contents = {table: files.read(f"{table}/{name}") for table in tables_of(name)}
    sink = pa.BufferOutputStream()
    pq.write_table(change(pq.read_table(pa.BufferReader(contents["runs"]))), sink)
    contents["runs"] = sink.getvalue().to_pybytes()
    order = int(name.partition("-")[0])
    for table in contents:
        files.delete(f"{table}/{name}")
        files.create(f"{table}/{part_name(contents, order)}", contents[table])
