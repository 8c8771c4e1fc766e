"""From rows to runs and evaluations, and into a study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from adamcmp.errors import ConfigError
from adamcmp.platform.provenance import package_version
from adamcmp.storage import reader
from adamcmp.storage.columns import BEST, METRIC_COLUMNS, METRICS, run_columns
from adamcmp.storage.store import METRIC_SCHEMA, Store
from adamcmp.workflows.importing.reading import NEEDED, Reading, derived


@dataclass(frozen=True)
class ImportResult:
    """What a file holds, and what becomes of it.

    Attributes:
        runs: A row a run, by columns of `runs`.
        metrics: A row per run and evaluation; none where a row of the file is a run.
        replaced: How many of the runs take the place of ones that were there.
    """

    runs: pd.DataFrame
    metrics: pd.DataFrame
    replaced: int


def bring(reading: Reading, folder: Path, *, dry: bool = False) -> ImportResult:
    """Bring a file's runs into a study.

    Args:
        reading: The file, understood.
        folder: The study's folder; it may be new, or hold imported runs.
        dry: Only say what would be done.

    Raises:
        ConfigError: When a row cannot be understood, or the study is not for these runs.
        StoreError: When the study is damaged or cannot be written.
    """
    runs, metrics = evaluated(reading) if reading.long else (_ended(reading.table), pd.DataFrame())
    runs["study"] = folder.name
    _check_ends(runs)
    if "loss" not in runs:
        runs["loss"] = "loss"  # what axes are labelled with
    about = _about(reading, folder.name)
    store = Store(folder)
    _check_place(store, about)
    there = store.statuses() if store.study_metadata() else {}
    kinds = {**_ordered_columns(), **reading.extra}
    if there:
        _check_types(folder, reading.extra)
    if not dry:
        store.add_imported(
            _arrow(runs, reader.arrow_schema(kinds), kinds),
            _arrow(metrics, METRIC_SCHEMA, {n: c.type for n, c in METRIC_COLUMNS.items()}),
            about,
        )
    return ImportResult(runs, metrics, sum(run_id in there for run_id in runs["run_id"]))


def evaluated(reading: Reading) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs of a file whose rows are evaluations, and these.

    A run's final metrics are the last ones reported, its best those at the evaluation with the
    least validation error (of equal ones, or without any, the least loss). Its ``steps`` are the
    most that any seed of its setting took.
    """
    table = reading.table.sort_values("step", kind="stable")
    measures = [m for m in METRICS if m in table]
    runs = table.groupby("run_id", sort=False).last()
    order = reading.table["run_id"].drop_duplicates()
    # What was reported at different steps has no gap of its own.
    gaps = [c for c in map(str, runs) if c.startswith("gap_") and c not in reading.columns]
    runs = _ended(derived(runs.loc[order].reset_index().drop(columns=gaps)))
    if "steps" not in runs:
        runs["steps"] = runs.groupby("setting")["step"].transform("max")
    if "stopped_at_step" not in runs:
        runs["stopped_at_step"] = runs["step"].where(runs["status"] == "diverged")
    judged = [m for m in ("val_error", "val_loss") if m in table]
    if judged:
        seen = table[np.isfinite(table[judged[0]])]
        best = seen.sort_values(judged, kind="stable").drop_duplicates("run_id")
        names = {"step": "best_step", **{m: f"best_{m}" for m in measures}}
        names = {ours: name for ours, name in names.items() if name not in runs}
        best = best.set_index("run_id")[list(names)].rename(columns=names)
        runs = runs.join(best.replace(math.inf, math.nan), on="run_id")
    metrics = table[[c for c in METRIC_COLUMNS if c in table and c != "lr"]]
    return runs, metrics.replace(math.inf, math.nan)


def _ended(runs: pd.DataFrame) -> pd.DataFrame:
    """Return runs with how they ended; where nothing says so, by their final metrics.

    One that is not finite, or no test metric at all, is a divergence.
    """
    runs = runs.copy()
    measures = [m for m in METRICS if m in runs]
    tests = [m for m in measures if m.startswith("test_")]
    broken = (runs[measures] == math.inf).any(axis=1)
    if "status" not in runs:
        diverged = broken | runs[tests].isna().all(axis=1)
        runs["status"] = np.where(diverged, "diverged", "done")
    runs["broken"] = broken & (runs["status"] == "done")
    runs.loc[runs["status"] != "done", measures] = math.nan
    best = [m for m in BEST if m in runs]
    runs[best] = runs[best].replace(math.inf, math.nan)
    return runs


def _check_ends(runs: pd.DataFrame) -> None:
    if runs["broken"].any():
        row = runs[runs["broken"]].iloc[0]
        said = ", ".join(f"{column} {row[column]}" for column in NEEDED)
        raise ConfigError(f"A run is done by its status, but a metric is not finite ({said}).")


def _about(reading: Reading, study: str) -> dict[str, Any]:
    """Return what study.yaml says of an import, the command's words first."""
    wanted = reading.wanted
    given = {
        "--map": [f"{ours}={theirs}" for ours, theirs in wanted.columns.items()],
        "--set": [f"{ours}={text}" for ours, text in wanted.constants.items()],
        "--percent": sorted(wanted.percent),
        "--settings": list(wanted.settings),
    }
    flags = [word for flag, words in given.items() if words for word in (flag, *words)]
    return {
        "words": [f"import-csv {reading.sheet.path}", "--study", study, *flags],
        "file": str(reading.sheet.path),
        "sha256": reading.sheet.sha256,
        "rows": len(reading.sheet.rows),
        "map": dict(reading.columns),
        "set": dict(wanted.constants),
        "percent": sorted(wanted.percent),
        "settings": list(wanted.settings),
        "adamcmp_version": package_version("adamcmp"),
    }


def _check_place(store: Store, about: Mapping[str, Any]) -> None:
    """Refuse a study with trained runs, and a file that another mapping would double."""
    study = store.study_metadata()
    if study and "imported" not in study:
        raise ConfigError(
            f"Study {store.folder.name!r} holds runs that were trained here, and one study has one "
            f"kind of numbers. Import into another: --study NAME."
        )
    for before in study.get("asked", []):
        changed = [k for k in ("map", "set", "percent", "settings") if before[k] != about[k]]
        if before["sha256"] == about["sha256"] and changed:
            raise ConfigError(
                f"{about['file']} is in study {store.folder.name!r} already, with other "
                f"--{changed[0]}: its runs would be there twice. Import it into another study, or "
                f"delete {store.folder} first."
            )


def _check_types(folder: Path, extra: Mapping[str, type]) -> None:
    there = reader.read_runs(folder).schema
    for field in reader.arrow_schema(dict(extra)):
        known = there.field(field.name).type if field.name in there.names else field.type
        if known != field.type:
            raise ConfigError(
                f"--settings {field.name}: holds {_said(known)} in study {folder.name!r}, but "
                f"{_said(field.type)} here."
            )


def _said(kind: pa.DataType) -> str:
    return "numbers" if kind == pa.float64() else "text"


def _ordered_columns() -> dict[str, Any]:
    return {name: column.type for name, column in run_columns().items()}


def _arrow(table: pd.DataFrame, wanted: pa.Schema, kinds: Mapping[str, Any]) -> pa.Table:
    arrays = [
        pa.array(_plain(table[field.name], kinds[field.name]), field.type)
        if field.name in table
        else pa.nulls(len(table), field.type)
        for field in wanted
    ]
    return pa.Table.from_arrays(arrays, schema=wanted)


def _plain(column: pd.Series[Any], kind: Any) -> list[Any]:
    present = column.notna()
    values = zip(column, present, strict=True)
    if kind is int:
        return [int(value) if there else None for value, there in values]
    return [value if there else None for value, there in values]
