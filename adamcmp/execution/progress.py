"""The progress of a sweep: runs done, speed and remaining time."""

from __future__ import annotations

import time

from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.outcome import Done, Outcome, TrainingProgress


class SweepProgress:
    """The progress of a number of runs.

    Args:
        runs: Number of runs to train.
    """

    def __init__(self, runs: int) -> None:
        self.runs, self.done = runs, 0
        self.run_steps = 0.0
        #: The fraction of its steps that each running run has taken.
        self._fractions: dict[str, float] = {}
        #: Time of the first update. Steps from checkpoints precede it, and the speed excludes them.
        self._started: float | None = None
        self._resumed = 0.0

    def update(self, group: LaneGroup, progress: TrainingProgress) -> None:
        """Record a group's progress."""
        self._started = self._started or time.monotonic()
        fraction = progress.step / progress.steps
        for spec in group.specs:
            before = self._fractions.get(spec.run_id)
            if before is None:
                self._resumed += fraction
            self.run_steps += progress.steps * max(fraction - (before or fraction), 0)
            self._fractions[spec.run_id] = fraction

    def finish(self, group: LaneGroup, outcome: Outcome) -> None:
        """Record that a group has ended."""
        if self._started is None:
            self._started, self._resumed = time.monotonic(), float(len(group.specs))
        self.done += len(group.specs)
        before = {s.run_id: self._fractions.pop(s.run_id, 0.0) for s in group.specs}
        if isinstance(outcome, Done):
            for row in outcome.runs:
                taken = row["steps"] if row["stopped_at_step"] is None else row["stopped_at_step"]
                self.run_steps += max(taken - before[row["run_id"]] * row["steps"], 0)

    @property
    def position(self) -> float:
        """Number of runs done, plus the fractions of the runs being trained."""
        return min(self.done + sum(self._fractions.values()), self.runs)

    @property
    def speed(self) -> float | None:
        """Run-steps per second in all processes; None in the first second."""
        # Of runs that jobs of a cluster train, the first event may be the end of several.
        return self.run_steps / self._elapsed if self._elapsed >= 1 else None

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until all runs are done; None while no estimate exists."""
        position = self.position
        gained = position - self._resumed
        if gained <= 0.01:  # too little for an estimate
            return None
        return self._elapsed / gained * (self.runs - position)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._started if self._started else 0.0
