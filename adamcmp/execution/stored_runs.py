"""Report runs that other processes have stored, as if this process had trained them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import OpenPlan
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.specs import RunSpec
from adamcmp.storage.columns import METRICS
from adamcmp.storage.reader import read_final_rows
from adamcmp.storage.store import Store
from adamcmp.training.outcome import Done

#: What a progress bar shows of a run that has ended.
_SHOWN = [
    *("status", "optimizer", "select", "steps", "stopped_at_step"),
    *(metric for metric in METRICS if metric.startswith("val_")),
]


@dataclass
class StoredRuns:
    """Watches which runs of plans are stored.

    Attributes:
        store: The study.
        plans: The plans.
        specs: Their runs that were not stored at first, by id.
        observer: Receives each run once.
    """

    store: Store
    plans: tuple[OpenPlan, ...]
    specs: Mapping[str, RunSpec]
    observer: Observer
    _reported: set[str] = field(init=False, default_factory=set)

    def missing(self, plan: OpenPlan) -> int:
        """Return how many runs of a plan are not stored."""
        return len(plan.missing(self.store.outcomes()))

    def report(self) -> None:
        """Report to the observer the runs that were stored since the last call."""
        outcomes = self.store.outcomes()
        missing = {run_id for plan in self.plans for run_id in plan.missing(outcomes)}
        new = self.specs.keys() - missing - self._reported
        if not new:
            return
        rows = read_final_rows(self.store.files, _SHOWN)
        for run_id in [run_id for run_id in self.specs if run_id in new]:
            self._reported.add(run_id)
            self.observer.on_finished(LaneGroup((self.specs[run_id],)), Done([rows[run_id]]))
