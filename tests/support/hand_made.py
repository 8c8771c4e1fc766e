"""Hand-made studies: runs and metrics whose results are known, without training."""

import itertools

import numpy as np
import pandas as pd

from adamcmp.analysis import RunTable
from adamcmp.storage.columns import METRIC_COLUMNS, METRICS, RUN_COLUMNS

LR, WD = (1e-3, 1e-2, 1e-1), (1e-4, 1e-3, 1e-2, 1e-1)
STEPS = (0, 10, 20, 40)


def study(
    optimizers=("adam_l2", "adamw"),
    problems=("d",),
    lr=LR,
    wd=WD,
    seeds=3,
    regression=False,
    diverged_from=float("inf"),
    steps=STEPS,
    schedule="cosine",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return labelled runs and their metrics; runs of lr ≥ `diverged_from` diverged.

    The test error is a bowl in log lr and log wd, best in the middle of the grid, noise by seed on
    top; optimizers are one percent apart.
    """
    noise = np.random.default_rng(0)
    runs, metrics = [], []
    grid = itertools.product(enumerate(problems), enumerate(optimizers), lr, wd, range(seeds))
    for (p, problem), (o, optimizer), rate, decay, seed in grid:
        bowl = 0.02 * np.log10(rate / 1e-2) ** 2 + 0.01 * np.log10((decay or 1e-5) / 1e-3) ** 2
        test = 0.2 + 0.05 * p + 0.01 * o + bowl + 0.004 * noise.standard_normal()
        run = {
            "run_id": f"{problem}-{optimizer}-{rate}-{decay}-{seed}", "study": "s", "dataset": problem,
            "model": "mlp", "problem": f"{problem}, mlp", "optimizer": optimizer, "rule": "adam", "coupling": "l2",
            "schedule": schedule, "loss": "mse" if regression else "cross_entropy", "lr": rate, "wd": decay, "seed": seed,
            "epochs": 4, "batch_size": 32, "steps": steps[-1], "train_examples": 320, "status": "done",
        }  # fmt: skip
        if schedule == "cosine_restarts":
            run |= {"schedule.T_0": 1.0, "schedule.T_mult": 2, "schedule.warmup": 0.0}
        if rate >= diverged_from:
            runs.append(run | {"status": "diverged", "stopped_at_step": 3})
            continue
        curve = [_evaluation(test, step, steps[-1], regression) for step in steps]
        metrics += [{"run_id": run["run_id"], **at} for at in curve]
        runs.append(run | {k: v for k, v in curve[-1].items() if k in METRICS})
    return (
        _framed(runs, RUN_COLUMNS, {"problem"}),
        _framed(metrics, METRIC_COLUMNS, set()),
    )


def table(*args, **options) -> RunTable:
    """Return `study` as a table of runs."""
    return RunTable(*study(*args, **options))


def best(runs) -> pd.DataFrame:
    """Return the runs in the middle of the grid, whose setting is the best."""
    return runs[(runs["lr"] == 1e-2) & (runs["wd"] == 1e-3)]


def final(runs, optimizer, metric) -> np.ndarray:
    """Return a metric of an optimizer's runs."""
    return runs.loc[runs["optimizer"] == optimizer, metric].to_numpy(float)


def _evaluation(test: float, step: int, last: int, regression: bool) -> dict[str, float]:
    left = 1 - step / last if last else 0.0
    error = test + (0.9 - test) * left**2
    values = {"train": error * (0.5 + left / 2), "val": error + 0.01, "test": error}
    at = {f"{split}_loss": 3 * value for split, value in values.items()}
    at["gap_loss"] = at["test_loss"] - at["train_loss"]
    if not regression:
        at |= {f"{split}_error": value for split, value in values.items()}
        at |= {f"{split}_accuracy": 1 - value for split, value in values.items()}
        at["gap_error"] = at["test_error"] - at["train_error"]
    norm = 8.0 + step / 10
    update = 0.01 * (left + 1e-4) * norm if step else float("nan")
    along = {"step": step, "epoch": step / 10, "examples": 32 * step, "lr": 0.1 * left}
    return along | at | {"param_norm": norm, "update_norm": update, "wall_time_s": step / 100}


def _framed(rows, columns, more) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    frame = frame.reindex(columns=list(dict.fromkeys([*columns, *more, *frame.columns])))
    whole = [name for name, column in columns.items() if column.type is int]
    numbers = [name for name, column in columns.items() if column.type is float]
    return frame.astype(dict.fromkeys(whole, "Int64") | dict.fromkeys(numbers, float))
