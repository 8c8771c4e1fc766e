"""Which setting of each optimizer: chosen on validation, over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from adamcmp.errors import ConfigError
from adamcmp.storage.columns import SHORT_NAMES, Role, columns_with_role

PROBLEM = ["problem"]
#: What makes another variant of one optimizer's name.
_VARIANT = ("rule", "coupling", "optimizer.target")

#: Columns that are not settings of an optimizer, or that repeat one.
_NO_SETTINGS = {
    *columns_with_role(Role.IDENTITY, Role.OUTCOME, Role.METRIC, Role.PROVENANCE),
    "seed",
    *("train_examples", "parameters"),  # follow from the dataset and the model
    *("rank", "chooses", "settings", "fresh"),  # added below
    *SHORT_NAMES,
}


def labelled(runs: pd.DataFrame) -> pd.DataFrame:
    """Return runs with a column ``problem``, and variants of one name told apart in ``optimizer``.

    Both name only what was varied: ``"mnist1d, mlp"``, ``"mnist1d, mlp, label_noise 0.3"``;
    ``"sgd"``, ``"sgd (independent)"``.
    """
    runs = runs.copy()
    runs["problem"] = runs["dataset"] + ", " + runs["model"]
    provenance = columns_with_role(Role.PROVENANCE)
    described = [
        c for c in runs.columns if c.startswith(("dataset.", "model.")) and c not in provenance
    ]
    for column in described:
        texts = runs[column].map(short)
        varied = texts.groupby(runs["dataset"] + ", " + runs["model"]).transform("nunique") > 1
        suffix = ", " + column.partition(".")[2] + " " + texts
        runs["problem"] += suffix.where(varied, "")
    for column in [c for c in _VARIANT if c in runs]:
        texts = runs[column].map(short)
        varied = texts.groupby(runs["optimizer"]).transform("nunique") > 1
        runs["optimizer"] += (" (" + texts + ")").where(varied, "")
    return runs


def short(value: object) -> str:
    """Return a setting's value as labels show it."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text[:12] if len(text) == 64 else text  # a file's sha256


def measure_of(runs: pd.DataFrame) -> str:
    """Return what a problem's runs are judged by: ``"error"`` for classes, else ``"loss"``."""
    return "error" if runs["test_error"].notna().any() else "loss"


def possible(metric: str) -> tuple[float, float]:
    """Return the least and the largest value that a metric can have."""
    if metric.endswith(("error", "accuracy")) and "gap" not in metric:
        return 0.0, 1.0
    return (0.0 if metric.endswith("loss") and "gap" not in metric else -np.inf), np.inf


def higher_is_better(metric: str) -> bool:
    """Return whether more of a metric is better: of accuracies."""
    return metric.endswith("accuracy")


def setting_columns(runs: pd.DataFrame) -> list[str]:
    """Return the columns that were varied within an optimizer on a problem, lr and wd first."""
    described = (*PROBLEM, *_VARIANT, "dataset", "model", "optimizer")
    asked = [
        c
        for c in runs.columns
        if c not in _NO_SETTINGS and c not in described and not c.startswith(("dataset.", "model."))
    ]
    groups = runs.groupby([*PROBLEM, "optimizer"], dropna=False, sort=False).ngroup().to_numpy()
    return [c for c in asked if c in ("lr", "wd") or _varies_within(groups, runs[c])]


def _varies_within(groups: npt.NDArray[np.integer[Any]], column: pd.Series) -> bool:
    """Return whether a column has several values, missing being one, in any group."""
    comparable = column if column.dtype != object else column.map(_comparable)
    values = pd.factorize(comparable, use_na_sentinel=False)[0]
    if len(values) == 0 or values.max() == 0:
        return False
    pairs = groups * (values.max() + 1) + values
    return len(np.unique(pairs)) > len(np.unique(groups))


def _comparable(value: Any) -> Any:
    """Return a tuple of a list or array, anything else as it is."""
    return tuple(value) if hasattr(value, "__iter__") and not isinstance(value, str) else value


def choosing_seeds(runs: pd.DataFrame) -> set[int]:
    """Return the seeds to choose on, of one optimizer on one problem: those all settings share.

    Runs that failed count as tried. Settings that share no seed are each judged by their own.
    """
    return _shared(runs, [runs[c].map(str) for c in _telling(runs)])


def _shared(runs: pd.DataFrame, keys: list[pd.Series]) -> set[int]:
    seeds = runs["seed"].groupby(keys, sort=False).agg(set)
    return set.intersection(*seeds) or set(runs["seed"])


def ranked(runs: pd.DataFrame, by: str = "optimizer") -> pd.DataFrame:
    """Return the runs that did not fail with columns ``rank``, ``chooses`` and ``settings``.

    ``rank`` is the place of a run's setting, from 0 on, on its problem among those with the same
    value of `by`: by the mean validation error (regression: loss) over the seeds that all these
    settings share, so that a winner's further seeds do not tell. A setting that diverged or failed
    for any of them is worse than every one that did not; of those, fewer such seeds are better.
    ``chooses`` says whether a run's seed is one of them, ``settings`` how many there were.

    Raises:
        ConfigError: When there is something to choose but no validation split to choose on.
    """
    told = _telling(runs)
    found = [
        _ranked(group, str(name), told)
        for (_, name), group in runs.groupby([*PROBLEM, by], sort=False)
    ]
    ended = [group for group in found if len(group)]
    return pd.concat(ended) if ended else runs[:0].assign(rank=0, chooses=True, settings=0)


def _ranked(runs: pd.DataFrame, name: str, told: list[str]) -> pd.DataFrame:
    """Return `ranked` of runs that are one group."""
    keys, metric = [runs[c].map(str) for c in told], f"val_{measure_of(runs)}"
    chooses = runs["seed"].isin(_shared(runs, keys))
    judged = pd.DataFrame(
        {
            "lost": runs["status"] != "done",
            "failed": runs["status"] == "failed",
            "score": runs[metric].astype(float),
        }
    )
    scores = judged[chooses].groupby([k[chooses] for k in keys], sort=False).mean()
    if len(scores) > 1 and runs[metric].isna().all() and (runs["status"] == "done").any():
        raise ConfigError(
            f"{name} has {len(scores)} settings and no validation split to choose on. "
            f"Name one, such as lr={runs['lr'].iloc[0]:g}."
        )
    order = scores[scores["failed"] < 1].sort_values(["lost", "failed", "score"], kind="stable")
    place = {setting: rank for rank, setting in enumerate(order.index)}
    ranks = [place.get(setting, -1) for setting in zip(*keys, strict=True)]
    runs = runs.assign(rank=ranks, chooses=chooses, settings=len(scores))
    return runs[(runs["status"] != "failed") & (runs["rank"] >= 0)]


def _telling(runs: pd.DataFrame) -> list[str]:
    """Return the columns that tell settings apart."""
    return ["optimizer", *setting_columns(runs)]


def chosen(runs: pd.DataFrame, by: str = "optimizer") -> pd.DataFrame:
    """Return the runs to report: of each optimizer's best setting, per problem.

    Choosing favours a setting that was lucky on the seeds it was chosen on, on the test set too,
    since both are measured at the same weights. So where the best setting has at least two seeds
    that did not choose it, those alone are returned, and column ``fresh`` is true. It is true as
    well where there was nothing to choose from. Otherwise all its runs are returned.

    Raises:
        ConfigError: As `ranked`.
    """
    return reported(ranked(runs, by), by)


def reported(order: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return `chosen` of runs that `ranked` has ranked."""
    best = order[order["rank"] == 0]
    groups = [best[c] for c in (*PROBLEM, by)]
    held_out = (~best["chooses"]).groupby(groups).transform("sum") >= 2
    alone = best["settings"] == 1
    best = best.assign(fresh=(held_out | alone).astype(bool))
    return best[~held_out | ~best["chooses"] | alone].drop(columns=["rank", "chooses", "settings"])


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per problem and optimizer: its best setting, mean and spread over seeds.

    Columns: problem, optimizer, the settings, ``seeds`` (of the best setting that ended),
    ``settings`` (that were tried), ``diverged`` (runs in any of them that did), ``fresh`` (whether
    the seeds are others than those that chose), and for each metric its mean and, with suffix
    ``_sd``, its standard deviation over seeds (n − 1). Seeds are those of `chosen`.
    """
    best, settings = chosen(runs), setting_columns(runs)
    if best.empty:
        return pd.DataFrame()
    metrics = [
        f"{split}_{m}" for m in ("loss", "error") for split in ("train", "val", "test", "gap")
    ]
    rows = []
    for (problem, optimizer), group in best.groupby([*PROBLEM, "optimizer"], sort=False):
        done = group[group["status"] == "done"]
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        row = {"problem": problem, "optimizer": optimizer}
        row |= {c: group[c].iloc[0] for c in settings}
        row["seeds"] = done["seed"].nunique()
        row["diverged"] = int((tried["status"] == "diverged").sum())
        row["settings"] = tried[settings].map(str).drop_duplicates().shape[0]
        row["fresh"] = bool(group["fresh"].all())
        for metric in metrics:
            row[metric] = done[metric].mean()
            row[f"{metric}_sd"] = done[metric].std(ddof=1)
        rows.append(row)
    return pd.DataFrame(rows).dropna(axis="columns", how="all")
