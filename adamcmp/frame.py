"""From parquet to checked tables; never imports torch.

A study's results are parts ``runs/<name>.parquet`` (a row a run), each with its
``metrics/<name>.parquet`` (a row per run and evaluation). The runs part is written last and
commits both; a metrics part alone is what a killed process left behind and is not read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from adamcmp import schema
from adamcmp.errors import NotFound, StoreError, nearest

if TYPE_CHECKING:
    import pandas as pd

#: The two folders of a study's parts, in the order of the digests in their names.
KINDS = ("runs", "metrics")
_PART_NAME = re.compile(r"\d{6,}-(?P<runs>[0-9a-f]{12})-(?P<metrics>[0-9a-f]{12})\.parquet")
#: Key of a part's metadata that holds the layout's version.
VERSION_KEY = b"adamcmp_schema"
_SCALARS = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def arrow_schema(columns: dict[str, type]) -> pa.Schema:
    """Return the explicit schema of columns given by their Python types."""
    fields = [
        pa.field(name, _SCALARS[kind] if kind in _SCALARS else pa.list_(_SCALARS[kind.__args__[0]]))  # type: ignore[attr-defined]
        for name, kind in columns.items()
    ]
    return pa.schema(fields, metadata={VERSION_KEY: str(schema.VERSION)})


def studies(results: Path) -> list[str]:
    """Return the names of the studies in a results folder, the latest last."""
    if not results.is_dir():
        return []
    found = [path.parent for path in results.glob("*/study.yaml")]
    return [f.name for f in sorted(found, key=lambda f: (_latest_change(f), f.name))]


def study_folder(results: Path, study: str | None) -> Path:
    """Return the folder of a study; of the latest one when `study` is None.

    Raises:
        NotFound: When there is no such study.
    """
    known = studies(results)
    if not known:
        raise NotFound(f"There are no studies in {results}. `adamcmp run` makes the first.")
    if study is None:
        return results / known[-1]
    if study not in known:
        raise NotFound(
            f"There is no study {study!r} in {results}.{nearest(study, known)} "
            f"There are: {', '.join(sorted(known)[:20])}."
        )
    return results / study


def parts(folder: Path) -> list[str]:
    """Return the names of a study's committed parts, in the order they were written."""
    return sorted(path.name for path in (folder / "runs").glob("*.parquet") if path.name[0] != ".")


def runs_table(folder: Path, columns: list[str] | None = None) -> pa.Table:
    """Return a study's runs.

    Raises:
        StoreError: When a part is truncated, flipped, not parquet, or of a newer layout.
    """
    return _concatenated([read_part(folder / "runs" / name, columns) for name in parts(folder)])


def metrics_table(folder: Path, columns: list[str] | None = None) -> pa.Table:
    """Return a study's metrics, as `runs_table`."""
    return _concatenated([read_part(folder / "metrics" / name, columns) for name in parts(folder)])


def load(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a study's (runs, metrics) as DataFrames; integers are nullable ``Int64``.

    Raises:
        StoreError: As `runs_table`, or when the two disagree about which runs there are.
    """
    import pandas as pd

    runs, metrics = (
        table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        for table in (runs_table(folder), metrics_table(folder))
    )
    if len(runs):
        # A crash between writing a run anew and dropping its old row leaves both: the later counts.
        runs = runs.drop_duplicates("run_id", keep="last").reset_index(drop=True)
        metrics = metrics.drop_duplicates(["run_id", "step"], keep="last").reset_index(drop=True)
        orphans = set(metrics["run_id"]) - set(runs["run_id"])
        if orphans:
            raise StoreError(f"{folder / 'metrics'}: {len(orphans)} runs in it are not in runs/.")
    return runs, metrics


def part_name(number: int, contents: Mapping[str, bytes]) -> str:
    """Return the name that a runs part and its metrics part share.

    It holds a digest of each file, since parquet's own checksums cover its pages but not its
    footer: one flipped bit there renames a column, silently.

    Args:
        number: The part's place in the order of writing.
        contents: The bytes of the ``runs`` and of the ``metrics`` file.
    """
    digests = "-".join(_digest(contents[kind]) for kind in KINDS)
    return f"{number:06d}-{digests}.parquet"


def read_part(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Return one part, verified against the digest in its name.

    Raises:
        StoreError: When it is missing, damaged, foreign, or of a newer layout.
    """
    name = _PART_NAME.fullmatch(path.name)
    if name is None:
        raise StoreError(f"{path} was not written by adamcmp: move it out of the study.")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _damaged(path, "is missing") from None
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror or error}.") from None
    if _digest(content) != name[path.parent.name]:
        raise _damaged(path, "is damaged: it is not what was written")
    # Not pq.read_table, which imports pandas, and takes a folder's first schema for all.
    with pq.ParquetFile(pa.BufferReader(content)) as part:
        table = part.read(columns=columns)
    if int((table.schema.metadata or {}).get(VERSION_KEY, b"0")) > schema.VERSION:
        raise StoreError(f"{path} was written by a newer adamcmp: update to read it.")
    return table


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=6).hexdigest()


def _damaged(path: Path, what: str) -> StoreError:
    study = path.parent.parent
    return StoreError(
        f"{path} {what}. Delete {path.name} from runs/ and metrics/ of {study}; the same command "
        f"then trains its runs again."
    )


def _concatenated(tables: list[pa.Table]) -> pa.Table:
    if not tables:
        return pa.table({"run_id": pa.array([], pa.string()), "step": pa.array([], pa.int64())})
    # Promoting keeps columns that only later parts have, as null in the others.
    return pa.concat_tables(tables, promote_options="default")


def _latest_change(folder: Path) -> int:
    paths = (folder / "study.yaml", folder / "runs")
    return max(path.stat().st_mtime_ns for path in paths if path.exists())
