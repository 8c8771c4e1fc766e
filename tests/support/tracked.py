"""A study with a run of every status, and what its trackers wrote."""

import json
from pathlib import Path
from typing import Any

from adamcmp.components.trackers import Tracker
from adamcmp.storage import reader
from adamcmp.storage.columns import Role, columns_with_role
from adamcmp.tracking.worker import TrackingRequest, write_runs
from tests.support.studies import SMALL

#: Two runs that end and two that diverge, in study ``s``.
OVERRIDES = [
    *(*SMALL, "steps=4", "eval.every_steps=2", "optimizer=sgd"),
    *("lr=1e-2,1e30", "seeds=2", "study=s"),
]
#: Columns of `metrics` that name a row; all others are measured.
KEY = columns_with_role(Role.IDENTITY, table="metrics")


def stored_rows(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of a study's runs by run id."""
    return {row["run_id"]: row for row in reader.read_runs(folder).to_pylist()}


def evaluations(folder: Path, run_id: str) -> list[dict[str, Any]]:
    """Return a run's rows of `metrics` in the order of steps."""
    table = reader.read_metrics(folder).to_pylist()
    return sorted((row for row in table if row["run_id"] == run_id), key=lambda row: row["step"])


def measured(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of an evaluation that have a value."""
    return {k: v for k, v in evaluation.items() if k not in KEY and v is not None}


def write_all(folder: Path, tracker: Tracker) -> str | None:
    """Write all runs of a study to a tracker, in this process; return the error."""
    request = TrackingRequest(tracker, folder, frozenset(stored_rows(folder)))
    return write_runs(request, lambda message: None, lambda: False)


def journal(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the entries of a tracker's journal."""
    lines = (folder / "tracker" / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def event_files(folder: Path) -> dict[str, Any]:
    """Return TensorBoard's reader of each run of a study, by the name of the run's folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    readers = {}
    for run_folder in (folder / "tracker" / "tensorboard").iterdir():
        readers[run_folder.name] = EventAccumulator(str(run_folder), size_guidance={"scalars": 0})
        readers[run_folder.name].Reload()
    return readers
