"""From parquet to checked tables; never imports torch.

A study's results are parts ``runs/<name>.parquet`` (a row a run), each with its
``metrics/<name>.parquet`` (a row per run and evaluation). The runs part is written last and
commits both; a metrics part alone is what a killed process left behind and is not read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from adamcmp.errors import NotFound, StoreError, nearest
from adamcmp.storage.columns import SCHEMA_VERSION

if TYPE_CHECKING:
    import pandas as pd

#: The two folders of a study's parts, in the order of the digests in their names.
TABLES = ("runs", "metrics")
_PART_NAME = re.compile(r"\d{6,}-(?P<runs>[0-9a-f]{12})-(?P<metrics>[0-9a-f]{12})\.parquet")
#: Key of a part's metadata that holds the layout's version.
VERSION_KEY = b"adamcmp_schema"
_SCALARS = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def read_study_metadata(study: Path) -> dict[str, Any]:
    """Return a folder's study.yaml; empty for a study that does not exist yet.

    Raises:
        StoreError: When it is damaged.
    """
    path = study / "study.yaml"
    if not path.exists():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is damaged ({error}).") from None
    if not isinstance(found, dict) or not {"numerics", "imported"} & found.keys():
        raise StoreError(f"{path} is damaged: it holds no study.")
    return found


def arrow_schema(columns: dict[str, type]) -> pa.Schema:
    """Return the explicit schema of columns given by their Python types."""
    fields = [
        pa.field(name, _SCALARS[kind] if kind in _SCALARS else pa.list_(_SCALARS[kind.__args__[0]]))  # type: ignore[attr-defined]
        for name, kind in columns.items()
    ]
    return pa.schema(fields, metadata={VERSION_KEY: str(SCHEMA_VERSION)})


def list_studies(results: Path) -> list[str]:
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
    known = list_studies(results)
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


def part_names(folder: Path) -> list[str]:
    """Return the names of a study's committed parts, in the order they were written."""
    return sorted(path.name for path in (folder / "runs").glob("*.parquet") if path.name[0] != ".")


def read_runs(folder: Path, columns: list[str] | None = None) -> pa.Table:
    """Return a study's runs.

    Raises:
        StoreError: When a part is truncated, flipped, not parquet, or of a newer layout.
    """
    return read_tables(folder, {"runs": columns})["runs"]


def read_metrics(folder: Path, columns: list[str] | None = None) -> pa.Table:
    """Return a study's metrics, as `read_runs`."""
    return read_tables(folder, {"metrics": columns})["metrics"]


def read_tables(folder: Path, wanted: Mapping[str, list[str] | None]) -> dict[str, pa.Table]:
    """Return tables of a study as it was at one moment; each run's rows once.

    Args:
        folder: The study's.
        wanted: Columns by kind of table; None takes all.

    Raises:
        StoreError: As `read_runs`.
    """
    while True:
        names = part_names(folder)
        try:
            return _tables(folder, names, wanted)
        except StoreError:
            # Another process may have merged parts since they were listed.
            if names == part_names(folder):
                raise


def _tables(
    folder: Path, names: list[str], wanted: Mapping[str, list[str] | None]
) -> dict[str, pa.Table]:
    read = {}
    for kind, columns in wanted.items():
        with_ids = columns and list(dict.fromkeys(["run_id", *columns]))
        read[kind] = [read_part(folder / kind / name, with_ids) for name in names]
    runs = read.get("runs") or [read_part(folder / "runs" / n, ["run_id"]) for n in names]
    stale = superseded([set(table["run_id"].to_pylist()) for table in runs])
    found = {}
    for kind, columns in wanted.items():
        table = _concatenated([without(s, t) for s, t in zip(stale, read[kind], strict=True)])
        there = table.column_names
        found[kind] = table.select([c for c in columns or there if c in there])
    return found


def superseded(run_ids: Sequence[Collection[str]]) -> list[set[str]]:
    """Return, for the runs of each part in order, those that a later part holds as well.

    A process killed between writing rows anew and dropping the old ones leaves both.
    """
    later: set[str] = set()
    found = []
    for part in reversed(run_ids):
        found.append(later.intersection(part))
        later.update(part)
    return found[::-1]


def without(run_ids: Collection[str], table: pa.Table) -> pa.Table:
    """Return a table less the rows of some runs."""
    if not run_ids:
        return table
    mask = [run_id not in run_ids for run_id in table["run_id"].to_pylist()]
    return table.filter(pa.array(mask, pa.bool_()))


def load(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a study's (runs, metrics) as DataFrames; integers are nullable ``Int64``.

    Raises:
        StoreError: As `read_runs`, or when the two disagree about which runs there are.
    """
    import pandas as pd

    both = read_tables(folder, dict.fromkeys(TABLES))
    runs, metrics = (
        both[kind].to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get) for kind in TABLES
    )
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
    digests = "-".join(_digest(contents[kind]) for kind in TABLES)
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
    # In this thread alone: one of Arrow's own may let go of `content` as the last, which aborts
    # the process when the interpreter is ending at that moment.
    with pq.ParquetFile(pa.BufferReader(content)) as part:
        table = part.read(columns=columns, use_threads=False)
    if int((table.schema.metadata or {}).get(VERSION_KEY, b"0")) > SCHEMA_VERSION:
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
