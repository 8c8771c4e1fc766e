"""Runs over lr × wd whose errors are a known function, with noise by seed."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

#: Three decades each, centred on 0 in log10.
LR = tuple(10.0 ** np.linspace(-1.5, 1.5, 7))
WD = tuple(10.0 ** np.linspace(-1.5, 1.5, 7))

Surface = Callable[[np.ndarray, np.ndarray], np.ndarray]


def bowl(cross: float, size: float = 0.002, best: float = 0.2) -> Surface:
    """Return x² + y² + cross·xy; small beside the 0.3 up to a useless run, so that all is near the best."""
    return lambda x, y: best + size * (x**2 + y**2 + cross * x * y)


def rotated(degrees: float, size: float = 0.002) -> Surface:
    """Return a bowl whose long axis lies at an angle, curved four times as much across it."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return lambda x, y: 0.2 + size * ((c * x + s * y) ** 2 + 4 * (c * y - s * x) ** 2)


def flat(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same error everywhere."""
    return 0.3 + 0 * x


def grid(lr: Sequence[float] = LR, wd: Sequence[float] = WD) -> list[tuple[float, float]]:
    return [(a, b) for a in lr for b in wd]


def runs(
    surface: Surface,
    settings: Sequence[tuple[float, float]],
    seeds: int = 3,
    noise: float = 0.0,
    rng: int | np.random.Generator = 0,
    optimizer: str = "adamw",
    problem: str = "d, m",
    **columns: object,
) -> pd.DataFrame:
    """Return labelled runs with error surface(log10 lr, log10 wd); where it is NaN they diverged.

    The noise has a part that all settings of a seed share, and one of each run, both of `noise`.
    """
    rng = np.random.default_rng(rng)
    lr, wd = np.repeat(np.array(settings, float), seeds, axis=0).T
    error = surface(np.log10(lr), np.log10(np.maximum(wd, 1e-9)))
    seed = np.tile(np.arange(seeds), len(settings))
    split = {
        s: error + noise * (rng.normal(size=seeds)[seed] + rng.normal(size=len(error)))
        for s in ("val", "test")
    }
    diverged = np.isnan(error)
    train = error / 2
    table = pd.DataFrame(
        {
            "run_id": [f"{problem} {optimizer} {a:g} {b:g} {s} {columns}" for a, b, s in zip(lr, wd, seed, strict=True)],
            "problem": problem, "dataset": "d", "model": "m", "optimizer": optimizer, "rule": "adam",
            "coupling": "decoupled", "lr": lr, "wd": wd, "seed": seed, "epochs": 10, "steps": 1000,
            "batch_size": 100, "status": np.where(diverged, "diverged", "done"), "optimizer.normalized": False,
            "train_loss": 2 * train, "train_error": train, **{f"{k}_error": v for k, v in split.items()},
            **{f"{k}_loss": 3 * v for k, v in split.items()}, "gap_error": split["test"] - train, "gap_loss": 3 * split["test"] - 2 * train,
        }
    ).assign(**columns)  # fmt: skip
    return table.astype({"seed": "Int64", "steps": "Int64", "epochs": "Int64"})


def in_basin(rows: pd.DataFrame, size: float = 0.1) -> pd.DataFrame:
    """Return the rows of a measure for one size of the basin."""
    return rows[rows["basin"] == size].drop(columns="basin").reset_index(drop=True)


def stacked(*frames: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True)


def without_val(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(val_error=float("nan"), val_loss=float("nan"))


def one_setting(errors: Sequence[Sequence[float]], names: str = "abcd") -> pd.DataFrame:
    """Return two seeds of one setting with given errors, of shape (problems, optimizers)."""
    return stacked(*(
        runs(lambda x, y, e=error: x * 0 + e, [(1, 1)], 2, optimizer=names[o], problem=f"p{p}, m")
        for p, row in enumerate(errors)
        for o, error in enumerate(row)
    ))  # fmt: skip
