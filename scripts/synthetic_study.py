"""Synthetic studies: real overrides, run ids, columns and files, with generated curves.

They serve where only the shape of a study matters: to measure how long a report of 10,000 runs
takes, or to test how the HTML page shows diverged runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adamcmp.config import Composer, Numerics
from adamcmp.planning.specs import RunSpec, run_specs
from adamcmp.storage.columns import METRICS, SPLITS
from adamcmp.storage.store import Store

NUMERICS = Numerics(device="cpu", dtype="float32", threads=1, engine="eager")
PROVENANCE = {"hardware": "none: synthetic", "adamcmp_version": "0", "torch_version": "0"}
#: Each optimizer's best lr and wd, and its error there.
BEST = {
    "adam_l2": (1e-2, 1e-3, 0.30),
    "adamw": (1e-2, 3e-2, 0.27),
    "sgd": (2e-1, 1e-3, 0.28),
    "sgdw": (2e-1, 3e-3, 0.28),
}
STEPS = 1000
Row = dict[str, Any]


def synthetic_runs(overrides: Sequence[str], evaluations: int) -> Iterator[tuple[Row, list[Row]]]:
    """Yield the row of each run and the rows of its evaluations.

    Args:
        overrides: Overrides of a sweep.
        evaluations: Number of evaluations of each run.
    """
    for spec in run_specs(Composer().sweep([*overrides, f"steps={STEPS}"]), NUMERICS):
        curve = _curve(spec, evaluations)
        diverged = _lr_decades(spec) > 2.2
        measured = [name for name in METRICS if name in curve[-1]]
        last = {} if diverged else {name: curve[-1][name] for name in measured}
        yield (
            {
                **spec.columns(),
                **PROVENANCE,
                "status": "diverged" if diverged else "done",
                "stopped_at_step": STEPS // 10 if diverged else None,
                "steps": STEPS,
                "best_step": STEPS,
                "train_examples": 1000,
                "parameters": 1000,
                "wall_time_s": 1.0,
                "finished_at": "2026-01-01T00:00:00+00:00",
                **last,
                **{f"best_{name}": value for name, value in last.items()},
            },
            curve[:2] if diverged else curve,
        )


def write(folder: Path, overrides: Sequence[str], rows: Iterator[tuple[Row, list[Row]]]) -> None:
    """Write a study, 500 runs at a time."""
    store = Store(folder)
    store.open_for_training(NUMERICS, list(overrides), PROVENANCE)
    runs: list[Row] = []
    metrics: list[Row] = []
    for run, curve in rows:
        runs.append(run)
        metrics.extend(curve)
        if len(runs) == 500:
            store.append(runs, metrics)
            runs, metrics = [], []
    if runs:
        store.append(runs, metrics)


def _lr_decades(spec: RunSpec) -> float:
    """Return the decades by which a run's lr exceeds its optimizer's best."""
    return math.log10(spec.config.optimizer.lr / BEST[spec.config.optimizer.name][0])


def _curve(spec: RunSpec, evaluations: int) -> list[Row]:
    optimizer, seed = spec.config.optimizer, spec.config.protocol.seed
    _, wd, floor = BEST[optimizer.name]
    wd_decades = math.log10(max(optimizer.weight_decay, 1e-9) / wd)
    # The effect of a seed is the same for all optimizers, so that paired runs correlate.
    seed_effect = np.random.default_rng(seed).normal(0, 0.01)
    noise_by_split = np.random.default_rng(int(spec.run_id, 16)).normal(0, 0.005, size=3)
    test = floor + 0.03 * _lr_decades(spec) ** 2 + 0.01 * wd_decades**2 + seed_effect
    shares = np.linspace(0, 1, evaluations)
    decays = np.exp(-6 * shares)
    levels = dict(zip(SPLITS, (test / 3, test + 0.005, test), strict=True))
    rows = []
    for share, decay in zip(shares, decays, strict=True):
        errors = {
            split: min(max(level + noise + (0.9 - level) * decay, 0.0), 1.0)
            for (split, level), noise in zip(levels.items(), noise_by_split, strict=True)
        }
        rows.append(_row(spec, share, errors))
    return rows


def _row(spec: RunSpec, share: float, errors: dict[str, float]) -> Row:
    values = {f"{split}_error": error for split, error in errors.items()}
    values |= {f"{split}_loss": 2.5 * error for split, error in errors.items()}
    values |= {f"{split}_accuracy": 1 - error for split, error in errors.items()}
    return {
        "run_id": spec.run_id,
        "step": round(share * STEPS),
        "epoch": 10 * share,
        "examples": round(share * STEPS) * 128,
        "lr": spec.config.optimizer.lr * (1 - share),
        **values,
        "gap_loss": values["test_loss"] - values["train_loss"],
        "gap_error": values["test_error"] - values["train_error"],
        "grad_norm": 1.0,
        "param_norm": 10.0 + share,
        "update_norm": 0.01 * (1 - share),
        "wall_time_s": share,
    }
