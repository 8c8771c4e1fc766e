"""One run of a group: its hyperparameters, and the rows that it gives."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from adamcmp.components.schedules import Horizon
from adamcmp.config import RunConfig
from adamcmp.planning.specs import RunSpec
from adamcmp.storage.columns import METRICS


class Run:
    """One lane's own: its spec, hyperparameters and rows."""

    def __init__(self, spec: RunSpec, horizon: Horizon, train_examples: int) -> None:
        self.spec, self.horizon, self.train_examples = spec, horizon, train_examples
        self.constants = constants(spec.config, horizon)
        self.metrics: list[dict[str, Any]] = []
        self.stopped_at: int | None = None

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.spec.config.protocol.seed

    def record(self, taken: int, measured: dict[str, float], wall_time: float) -> None:
        """Add the row of one evaluation."""
        schedule, protocol = self.spec.config.schedule, self.spec.config.protocol
        at = np.array([min(taken, self.horizon.steps - 1)])
        self.metrics.append(
            {
                "run_id": self.spec.run_id,
                "step": taken,
                "epoch": taken / self.horizon.epoch,
                "examples": taken * protocol.batch_size,
                "lr": float(schedule.multiplier(at, self.horizon)[0] * self.constants["lr"]),
                **measured,
                "wall_time_s": wall_time,
            }
        )

    def row(self, wall_time: float, parameters: int, about: dict[str, Any]) -> dict[str, Any]:
        """Return the run's own row."""
        diverged = self.stopped_at is not None
        last = {} if diverged else self.metrics[-1]
        best = self._best()
        return {
            **self.spec.columns(),
            **about,
            "status": "diverged" if diverged else "done",
            "stopped_at_step": self.stopped_at,
            "steps": self.horizon.steps,
            "best_step": best.get("step"),
            "train_examples": self.train_examples,
            "parameters": parameters,
            "wall_time_s": wall_time,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **{name: last.get(name) for name in METRICS},
            **{f"best_{name}": best.get(name) for name in METRICS},
        }

    def _best(self) -> dict[str, Any]:
        """Return the evaluation with the best validation metric; nothing without validation."""
        measure = "val_error" if any("val_error" in row for row in self.metrics) else "val_loss"
        rows = [row for row in self.metrics if math.isfinite(row.get(measure, math.nan))]
        return min(rows, key=lambda row: (row[measure], row["val_loss"]), default={})


def constants(config: RunConfig, horizon: Horizon) -> dict[str, float]:
    """Return the run's hyperparameters that no schedule moves."""
    values = config.optimizer.hypers(horizon.steps)
    if config.protocol.grad_clip is not None:
        values["grad_clip"] = config.protocol.grad_clip
    return values
