"""The record of one run of a group: its hyperparameters and result rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from adamcmp.components.schedules import Horizon
from adamcmp.config import RunConfig
from adamcmp.planning.specs import RunSpec
from adamcmp.storage.columns import METRICS


class RunRecord:
    """What is recorded of one run while its group is trained.

    Args:
        spec: The run.
        horizon: The length of the run.
        train_examples: Number of training examples.

    Attributes:
        hypers: Its hyperparameters before the schedule is applied.
        metrics: One row per evaluation.
        outcomes: Rows of `examples`, at the last weights.
        stopped_at: Number of steps after which it diverged; None if it has not diverged.
    """

    def __init__(self, spec: RunSpec, horizon: Horizon, train_examples: int) -> None:
        self.spec, self.horizon, self.train_examples = spec, horizon, train_examples
        self.hypers = unscheduled_hypers(spec.config, horizon)
        self.metrics: list[dict[str, Any]] = []
        self.outcomes: list[dict[str, Any]] = []
        self.stopped_at: int | None = None

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.spec.run_id

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.spec.config.protocol.seed

    @property
    def keeps_outcomes(self) -> bool:
        """Whether the outcomes of examples are stored."""
        return self.spec.config.protocol.eval.examples

    def record(self, taken: int, measured: dict[str, float], wall_time: float) -> None:
        """Add the row of an evaluation.

        Args:
            taken: Steps taken.
            measured: The metrics.
            wall_time: The run's share of the training time in seconds.
        """
        schedule, protocol = self.spec.config.schedule, self.spec.config.protocol
        # The lr of the next step; after the last step, that of the last one.
        step = np.array([min(taken, self.horizon.steps - 1)])
        lr = float(schedule.multiplier(step, self.horizon)[0] * self.hypers["lr"])
        self.metrics.append(
            {
                "run_id": self.run_id,
                "step": taken,
                "epoch": taken / self.horizon.epoch,
                "examples": taken * protocol.batch_size,
                "lr": lr,
                **measured,
                "wall_time_s": wall_time,
            }
        )

    def record_outcomes(self, rows: Sequence[dict[str, Any]]) -> None:
        """Set the outcomes of the last evaluation, unless the run does not store them."""
        if self.keeps_outcomes:
            self.outcomes = [{"run_id": self.run_id, **row} for row in rows]

    def row(self, wall_time: float, group_columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return the run's row of `runs`.

        Args:
            wall_time: The run's share of the training time in seconds.
            group_columns: Columns of all runs of the group: sizes, software and hardware.
        """
        diverged = self.stopped_at is not None
        last = {} if diverged else self.metrics[-1]
        best = self._best()
        return {
            **self.spec.columns(),
            **group_columns,
            "status": "diverged" if diverged else "done",
            "stopped_at_step": self.stopped_at,
            "steps": self.horizon.steps,
            "best_step": best.get("step"),
            "train_examples": self.train_examples,
            "wall_time_s": wall_time,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **{name: last.get(name) for name in METRICS},
            **{f"best_{name}": best.get(name) for name in METRICS},
        }

    def _best(self) -> dict[str, Any]:
        """Return the evaluation with the best validation metric; empty without validation."""
        measure = f"val_{self.spec.config.measure}"
        rows = [row for row in self.metrics if math.isfinite(row.get(measure, math.nan))]
        return min(rows, key=lambda row: (row[measure], row["val_loss"]), default={})


def unscheduled_hypers(config: RunConfig, horizon: Horizon) -> dict[str, float]:
    """Return a run's hyperparameters before the schedule is applied."""
    values = config.optimizer.hypers(horizon.steps)
    if config.protocol.grad_clip is not None:
        values["grad_clip"] = config.protocol.grad_clip
    return values
