"""Measure planning and reading of many runs, each in a process of its own."""

from __future__ import annotations

import dataclasses
import resource
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from adamcmp.execution.plan_contents import PlanHeader, PlannedGroup
from adamcmp.execution.shares import make_shares
from adamcmp.execution.stored_plans import encode_plan
from adamcmp.planning.plan import make_plan
from adamcmp.planning.spec_table import spec_table
from adamcmp.storage import reader
from adamcmp.storage.arrays import array_of
from adamcmp.storage.arrow import METRIC_SCHEMA, run_schema
from adamcmp.storage.folder import Folder
from adamcmp.storage.metadata import new_study_metadata, write_study_metadata
from adamcmp.storage.parts import write_part
from adamcmp.storage.store import Store
from scale_simulation import NUMERICS, Simulation, grid, with_seconds

#: The columns that are read: the key, the status and metrics of each run.
READ = [
    *("run_id", "status", "optimizer", "lr", "wd", "seed"),
    *(f"{split}_{measure}" for split in ("train", "val", "test") for measure in ("loss", "error")),
]
#: Runs of a part: a study that is compacted has a few tens of parts.
PART_RUNS = 31_250


class Stopwatch:
    """Measures the processor time of steps."""

    def __init__(self) -> None:
        self._last = time.process_time()
        self.seconds: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Record the time since the last step under a name."""
        now = time.process_time()
        self.seconds[name], self._last = now - self._last, now


def gigabytes() -> float:
    """Return the largest memory of this process until now, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def planning(runs: int) -> dict[str, Any]:
    """Measure what `adamcmp sweep --plan-only` does before it writes the plan."""
    watch = Stopwatch()
    config = grid(runs)
    watch.lap("compose")
    plan = with_seconds(make_plan(config, NUMERICS), 1.5)
    watch.lap("ids")
    groups = plan.groups()
    shares = make_shares(groups, plan.costs)
    watch.lap("groups")
    attempts = dict.fromkeys(plan.run_ids, 0)
    planned = [[PlannedGroup(group.specs, attempts) for group in share] for share in shares]
    content = encode_plan(PlanHeader(()), planned)
    watch.lap("encode")
    return {
        "runs": len(plan.specs),
        **watch.seconds,
        "total": sum(watch.seconds.values()),
        "megabytes": len(content) / 1e6,
        "memory": gigabytes(),
    }


def write_study(runs: int, folder: Path) -> None:
    """Write a study with made-up metrics."""
    folder.mkdir(parents=True)
    files = Folder(folder)
    metadata = new_study_metadata("scale", numerics=NUMERICS.model_dump(), defaults=1)
    write_study_metadata(files, metadata)
    specs = make_plan(grid(runs), NUMERICS).specs
    for start in range(0, len(specs), PART_RUNS):
        part = specs[start : start + PART_RUNS]
        table = spec_table(part, run_schema())
        values: dict[str, list[Any]] = {
            "status": ["done"] * len(part),
            "variant": [""] * len(part),
            "attempt": [0] * len(part),
            **{name: [number / 7 for number in range(len(part))] for name in READ[6:]},
        }
        for name, column in values.items():
            field = table.schema.field(name)
            place = table.schema.get_field_index(name)
            table = table.set_column(place, field, array_of(column, field.type))
        write_part(files, {"runs": table, "metrics": METRIC_SCHEMA.empty_table()})


def reading(folder: Path) -> dict[str, Any]:
    """Measure how long it takes to read a study."""
    watch = Stopwatch()
    rows: pa.Table = reader.read_runs(folder, READ)
    watch.lap("metrics")
    store = Store(folder)
    store.statuses()
    watch.lap("status")
    store.statuses()
    watch.lap("status_again")
    store.outcomes(rows["run_id"].slice(0, 256).to_pylist())
    watch.lap("few")
    return {"runs": rows.num_rows, **watch.seconds, "memory": gigabytes()}


def simulation(runs: int, workers: int) -> dict[str, Any]:
    """Simulate workers that are killed or frozen after 50 minutes on average."""
    return dataclasses.asdict(Simulation(runs, workers, run_seconds=1.5, lifetime=3000).run())
