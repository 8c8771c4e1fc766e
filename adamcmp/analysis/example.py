"""The runs of a small study, for examples in docstrings and for trying out the analysis."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

from adamcmp.analysis.run_table import RunTable
from adamcmp.storage.columns import METRICS, RUN_COLUMNS

_COUPLINGS = {"adamw": "decoupled", "adam_l2": "l2"}
_STEPS = 100


def example_table() -> RunTable:
    """Return made-up runs of two optimizers on two problems, over 5 lr × 5 wd × 5 seeds.

    The error of ``adamw`` is a sum of a function of lr and one of wd. That of ``adam_l2`` is low
    along lr·wd = 0.0001, and its runs diverge at the largest lr.

    >>> runs = example_table().runs
    >>> len(runs), sorted(set(runs["lr"]))
    (500, [0.0001, 0.001, 0.01, 0.1, 1.0])
    """
    grid = product(("mnist1d", "spirals"), _COUPLINGS, range(-2, 3), range(-2, 3), range(5))
    rows = [_run(*cell) for cell in grid]
    runs = pd.DataFrame(rows)
    runs = runs.reindex(columns=list(dict.fromkeys([*runs.columns, *RUN_COLUMNS])))
    steps = (0, 25, 50, _STEPS)
    evaluations = [_evaluation(r, step) for r in rows if r["status"] == "done" for step in steps]
    return RunTable.from_frames(runs, pd.DataFrame(evaluations))


def _run(dataset: str, optimizer: str, x: int, y: int, seed: int) -> dict[str, Any]:
    """Return a run with log10 lr = x − 2 and log10 wd = y − 2."""
    run = {
        **{"run_id": f"{dataset}-{optimizer}-{x}-{y}-{seed}", "study": "example"},
        **{"dataset": dataset, "model": "mlp", "optimizer": optimizer, "rule": "adam"},
        **{"coupling": _COUPLINGS[optimizer], "schedule": "cosine", "loss": "cross_entropy"},
        **{"lr": 10.0 ** (x - 2), "wd": 10.0 ** (y - 2), "seed": seed},
        **{"epochs": 10, "steps": _STEPS, "batch_size": 100, "train_examples": 1000},
        "torch_version": "2.9",
    }
    if optimizer == "adam_l2" and x == 2:
        return {**run, "status": "diverged", "stopped_at_step": 10}
    bowl = x * x + y * y if optimizer == "adamw" else (x + y) ** 2 + 0.1 * (x - y) ** 2
    best = {"adamw": 0.20, "adam_l2": 0.22}[optimizer] + (0.1 if dataset == "spirals" else 0.0)
    noise = 0.002 * ((seed * (3 if optimizer == "adamw" else 2) + 2 * x + y) % 5 - 2)
    return {**run, "status": "done", **_metrics(best + 0.01 * bowl + noise)}


def _metrics(error: float) -> dict[str, float]:
    errors = {"train": error / 2, "val": error + 0.01, "test": error, "gap": error / 2}
    losses = {f"{split}_loss": 3 * value for split, value in errors.items()}
    return {f"{split}_error": value for split, value in errors.items()} | losses


def _evaluation(run: dict[str, Any], step: int) -> dict[str, Any]:
    """Return an evaluation of a run whose metrics fall linearly from 0.5 to their final values."""
    left = 1 - step / _STEPS
    metrics = {m: 0.5 * left + (1 - left) * run[m] for m in METRICS if m in run}
    return {"run_id": run["run_id"], "step": step, "epoch": step / 10, **metrics}
