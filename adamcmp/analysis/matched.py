"""Test error and gap at equal training loss: does one optimizer generalize better, or fit better?

Two ways to make training losses equal: along the learning curves of each optimizer's best
setting, and over the final values of all its settings. Both give a table of values per seed, which
`matched` averages and `matched_differences` compares.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.intervals import averaged, differences
from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import PROBLEM, chosen
from adamcmp.analysis.setting_matrix import choosable, of_first_stage

#: What is compared at equal training loss.
METRICS = ["test_error", "gap_error", "test_loss", "gap_loss"]
#: How many training losses are compared at.
LEVELS = 8
#: The share of an optimizer's settings that a local regression looks at.
SPAN = 0.5
_FEWEST = 5
#: A heap: the standard deviation of the points looked at, as a share of the range of all.
_NARROW = 0.05

_KEYS = [*PROBLEM, "optimizer"]
_VALUES = [*_KEYS, "seed", "metric", "train_loss", "value"]


@accepts_table
def along_curves(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return test measures and gaps where the best settings' runs first reach training losses.

    A run reaches a loss at the first evaluation at or below it; values are interpolated linearly
    in log training loss between that evaluation and the one before. The levels are evenly spaced
    in log loss, from where every run of every optimizer started (that one left out) to the lowest
    that every one of them reaches.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.
        metrics: Rows of `metrics`.

    Returns:
        Columns problem, optimizer, seed, metric (of `METRICS`), train_loss (the level), value.
    """
    runs = choosable(runs)
    if runs.empty:
        return pd.DataFrame(columns=_VALUES)
    best = chosen(runs)
    best = best.loc[best["status"] == "done", [*_KEYS, "seed", "run_id"]]
    wanted = metrics[metrics["run_id"].isin(best["run_id"])]
    curves = wanted[["run_id", "step", "train_loss", *METRICS]].merge(best, on="run_id")
    curves = curves.dropna(subset="train_loss").sort_values(["run_id", "step"], ignore_index=True)
    curves["log"] = _log(curves["train_loss"])
    found = [reached for _, own in curves.groupby(*PROBLEM) for reached in _reached(own)]
    return _long(found)


def _reached(curves: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield, per level, each run's values where it reaches it."""
    by_run = curves.groupby("run_id", sort=False)
    lowest = by_run["log"].cummin()
    start, end = by_run["log"].first().min(), lowest.groupby(curves["run_id"]).last().max()
    columns = ["log", *METRICS]
    before = by_run[columns].shift()
    for level in np.linspace(start, end, LEVELS + 1)[1:] if end < start else ():
        first = ~curves["run_id"].where(lowest <= level).duplicated() & (lowest <= level)
        now, last = curves.loc[first, columns], before[first]
        part = (last["log"] - level) / (last["log"] - now["log"])
        values = last[METRICS] + (now[METRICS] - last[METRICS]).mul(part, axis=0)
        yield curves.loc[first, [*_KEYS, "seed"]].join(values).assign(train_loss=10**level)


@accepts_table
def over_settings(runs: pd.DataFrame) -> pd.DataFrame:
    """Return final test measures and gaps at equal final training loss, over all settings.

    Per optimizer and seed, a local linear regression on log training loss over its settings
    (Cleveland 1979, tricube weights over the nearest half) is read at levels that are evenly
    spaced in log loss, where every optimizer has settings: between the largest of the optimizers'
    5 % quantiles and the smallest of their 95 % ones. Diverged runs have no training loss and are
    left out: what is compared is runs that fit the training data equally well.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        As `along_curves`. Optimizers with fewer than 5 settings are left out.
    """
    done = runs[(runs["status"] == "done") & runs["train_loss"].notna()]
    if done.empty:
        return pd.DataFrame(columns=_VALUES)
    stage = done.groupby(_KEYS)["seed"].transform(lambda seeds: of_first_stage(seeds))
    done = done[stage.astype(bool)]
    done = done[done.groupby([*_KEYS, "seed"])["lr"].transform("size") >= _FEWEST]
    done = done.assign(log=_log(done["train_loss"]))
    found = []
    for _, group in done.groupby(*PROBLEM, sort=False):
        logs = group.groupby("optimizer")["log"]
        low, high = logs.quantile(0.05).max(), logs.quantile(0.95).min()
        levels = np.linspace(high, low, LEVELS)
        for _, own in group.groupby(["optimizer", "seed"], sort=False):
            if low >= high:  # no training loss that all reach
                break
            fitted = _local(own["log"].to_numpy(), own[METRICS].to_numpy(float), levels)
            table = pd.DataFrame(fitted, columns=METRICS).assign(train_loss=10**levels)
            labels = own[[*_KEYS, "seed"]].iloc[:1]
            found.append(table.merge(labels, how="cross"))
    return _long(found)


def _local(x: Floats, values: Floats, levels: Floats) -> Floats:
    """Return a local linear regression at levels; a local mean where points lie in one heap.

    A line through a heap of points says nothing about a level beside it.

    Args:
        x: Shape (points,).
        values: Shape (points, metrics).
        levels: Shape (levels,).
    """
    distance = np.abs(x - levels[:, None])
    nearest = max(int(np.ceil(SPAN * len(x))), min(_FEWEST, len(x)))
    reach = np.sort(distance, axis=1)[:, nearest - 1, None] * (1 + 1e-9) + 1e-12
    weights = np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
    weights /= weights.sum(axis=1, keepdims=True)
    centre = weights @ x
    apart = x - centre[:, None]
    spread = (weights * apart**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = ((weights * apart) @ values) / spread[:, None]
    level = spread < (_NARROW * np.ptp(x)) ** 2
    slope[level | (spread == 0)] = 0
    fitted: Floats = weights @ values + slope * (levels - centre)[:, None]
    return fitted


def matched(values: pd.DataFrame) -> pd.DataFrame:
    """Return means over seeds at equal training loss.

    Args:
        values: Of `along_curves` or `over_settings`.

    Returns:
        Columns problem, optimizer, metric, train_loss; estimate, ci_low, ci_high, n (seeds).
    """
    return averaged(values, [*_KEYS, "metric", "train_loss"])


def matched_differences(values: pd.DataFrame) -> pd.DataFrame:
    """Return paired differences a − b at equal training loss, over shared seeds.

    Args:
        values: Of `along_curves` or `over_settings`.

    Returns:
        A row per pair of optimizers, metric and level: a, b, problem, metric, train_loss;
        estimate, ci_low, ci_high, n (seeds shared).
    """
    return differences(values, [*PROBLEM, "metric", "train_loss"])


def _log(losses: pd.Series) -> pd.Series:
    return losses.astype(float).clip(lower=1e-12).map(np.log10)


def _long(found: list[pd.DataFrame]) -> pd.DataFrame:
    if not found:
        return pd.DataFrame(columns=_VALUES)
    wide = pd.concat(found, ignore_index=True)
    long = wide.melt([*_KEYS, "seed", "train_loss"], METRICS, "metric")
    return long.dropna(subset="value")[_VALUES].reset_index(drop=True)
