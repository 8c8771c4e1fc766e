"""Runs read before their end: would another budget have ranked optimizers otherwise?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from adamcmp.analysis.comparisons import comparisons
from adamcmp.analysis.selection import measure_of

#: Shares of the budget at which runs are read.
HORIZONS = (0.25, 0.5)
_SPLITS = ("train", "val", "test", "gap")


def flips(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return rankings that flip when runs are read at a quarter or half of their budget.

    Settings are chosen anew at each horizon. The ranking of two optimizers flips where both
    differences are detectable and their signs differ. Optimizers of `unread` are left out.

    Returns:
        Rows with ``problem share ahead behind``: who was ahead then, and is behind at the end.
    """
    found = []
    for problem, own in runs.groupby("problem", sort=False):
        metric = f"test_{measure_of(own)}"
        final = _signs(_readable(own, metrics, 1.0)[0], metric)
        for share in HORIZONS:
            early = _signs(_readable(own, metrics, share)[0], metric)
            for pair, before in early.items():
                if before * final.get(pair, 0) < 0:
                    ahead, behind = pair if before < 0 else pair[::-1]
                    found.append((problem, share, ahead, behind))
    return pd.DataFrame(found, columns=["problem", "share", "ahead", "behind"])


def unread(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the optimizers that cannot be ranked with others at a quarter or half of the budget.

    Returns:
        Rows with ``problem share optimizer``.
    """
    found = [
        (problem, share, optimizer)
        for problem, own in runs.groupby("problem", sort=False)
        if own["optimizer"].nunique() > 1
        for share in HORIZONS
        for optimizer in _readable(own, metrics, share)[1]
    ]
    return pd.DataFrame(found, columns=["problem", "share", "optimizer"])


def _readable(
    runs: pd.DataFrame, metrics: pd.DataFrame, share: float
) -> tuple[pd.DataFrame, list[str]]:
    """Return a problem's runs as of `read_at`, less optimizers that lack a value, and those.

    That is one by which they are chosen or ranked at their end. Imported runs may have no curves,
    or curves of training alone.
    """
    read = read_at(runs, metrics, share)
    needed = [f"{split}_{measure_of(runs)}" for split in ("val", "test")]
    end, then = (
        table[table["status"] == "done"].groupby("optimizer", sort=False)[needed].count() > 0
        for table in (runs, read)
    )
    lacking = (end & ~then.reindex(end.index, fill_value=False)).any(axis="columns")
    names = list(lacking.index[lacking])
    return read[~read["optimizer"].isin(names)], names


def _signs(runs: pd.DataFrame, metric: str) -> dict[tuple[str, str], int]:
    """Return -1 for pairs where a is detectably better than b, 1 where it is worse, else 0."""
    if runs["optimizer"].nunique() < 2:
        return {}
    table = comparisons(runs, metric)
    signs = table["better"].map({"a": -1, "b": 1, "": 0})
    return dict(zip(zip(table["a"], table["b"], strict=True), signs, strict=True))


def read_at(runs: pd.DataFrame, metrics: pd.DataFrame, share: float) -> pd.DataFrame:
    """Return runs as if they had ended after a share of their budget: at the evaluation there.

    Runs with warm restarts are read at the end of the cycle before, where the learning rate is
    low; a run that has no evaluation, or no end of a cycle, by then is left out.

    Args:
        runs: Rows of `runs`.
        metrics: Rows of `metrics`, of these runs and maybe of others.
        share: Of the budget, above 0 and at most 1.
    """
    limits = _limits(runs, share)
    rows = metrics[metrics["run_id"].isin(limits.index) & (metrics["step"] > 0)]
    rows = rows[rows["step"].to_numpy(float) <= rows["run_id"].map(limits).to_numpy(float)]
    last = rows.sort_values("step").drop_duplicates("run_id", keep="last").set_index("run_id")
    diverged = runs["status"] == "diverged"
    read = runs[diverged | (runs["run_id"].isin(last.index) & (runs["status"] == "done"))].copy()
    for column in [c for c in last.columns if c in read and c.split("_")[0] in _SPLITS]:
        read[column] = read["run_id"].map(last[column]).where(read["status"] == "done")
    return read


def _limits(runs: pd.DataFrame, share: float) -> pd.Series:
    """Return the step up to which each run is read, by run id; NaN where it cannot be."""
    limits = share * runs["steps"].to_numpy(float)
    if "schedule.T_0" in runs:
        epoch = (runs["train_examples"] / runs["batch_size"]).to_numpy(float)
        length, factor = (runs[f"schedule.T_{k}"].to_numpy(float) for k in ("0", "mult"))
        restarts = (runs["schedule"] == "cosine_restarts").to_numpy(bool)
        end, within = np.zeros(len(runs)), np.full(len(runs), np.nan)
        # A cycle's end, in epochs, may fall between two steps: up to the step before it.
        while (inside := np.floor((end + length) * epoch) <= limits).any():
            end = end + length
            within = np.where(inside, np.floor(end * epoch), within)
            length = length * factor
        limits = np.where(restarts, within, limits)
    return pd.Series(limits, runs["run_id"])
