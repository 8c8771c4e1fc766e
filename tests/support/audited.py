"""Studies without findings, which tests change so that a check has one."""

import itertools

import numpy as np
import pandas as pd

from adamcmp.analysis import Finding, RunTable, audit
from adamcmp.analysis.audit import CHECKS

GRID = (0.01, 0.1, 1.0)
METRICS = ("train_loss", "train_error", "val_error", "test_error", "test_loss")
_COUPLINGS = {"adam": "none", "adam_l2": "l2", "adamw": "decoupled", "amsgradw": "decoupled"}


def study(optimizers, seeds=6, lrs=GRID, **columns) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return runs whose validation and test errors are lowest at lr 0.1, and their evaluations.

    Args:
        optimizers: Each one's test error at its best setting.
        seeds: The number of seeds.
        lrs: The learning rates.
        columns: Further columns.
    """
    rows = []
    for (optimizer, error), lr, seed in itertools.product(optimizers.items(), lrs, range(seeds)):
        noise = np.random.default_rng([seed, len(rows)]).normal(0, 0.002)
        value = error + 0.1 * abs(np.log10(lr) + 1) + noise
        rows.append(
            {
                "run_id": f"{optimizer}-{lr}-{seed}", "study": "s", "dataset": "d", "model": "m",
                "optimizer": optimizer, "rule": "adam", "coupling": _COUPLINGS.get(optimizer, "l2"),
                "loss": "cross_entropy", "schedule": "cosine", "lr": lr,
                "wd": 0.0 if optimizer == "adam" else 0.1, "seed": seed, "status": "done",
                "steps": 100, "batch_size": 10, "train_examples": 100, "val_error": value,
                "test_error": value + noise, "train_error": value / 2, "train_loss": value,
                "val_loss": value, "test_loss": value, "gap_loss": 0.1, "gap_error": 0.1,
                "torch_version": "2", "dataset.data_seed": "seed", "optimizer.amsgrad": optimizer.startswith("amsgrad"),
                **columns,
            }
        )  # fmt: skip
    runs = pd.DataFrame(rows)
    return runs, evaluations(runs, dict.fromkeys(optimizers, 1.0))


def evaluations(runs, early, steps=(0, 20, 50, 100)) -> pd.DataFrame:
    """Return evaluations of 100 steps; before the last, metrics are scaled per optimizer."""
    rows = [
        {"run_id": run["run_id"], "step": step, "epoch": step / 10}
        | {m: run[m] * (1 if step == 100 else early[run["optimizer"]]) for m in METRICS}
        for run in runs.to_dict("records")
        for step in steps
    ]
    return pd.DataFrame(rows)


def audited(runs, metrics) -> list[Finding]:
    """Return the audit's findings, except that outcomes on single examples are unknown."""
    findings = audit(RunTable.from_frames(runs, metrics))
    return [finding for finding in findings if finding.kind != "samples"]


def findings_of(checks: str, runs, metrics) -> list[Finding]:
    """Return the findings of some checks, given as the names of their modules."""
    table = RunTable.from_frames(runs, metrics)
    return [finding for check in checks.split() for finding in CHECKS[check](table)]
