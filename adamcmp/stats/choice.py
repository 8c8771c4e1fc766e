"""Which setting of each optimizer: chosen on validation, over seeds."""

from __future__ import annotations

import pandas as pd

from adamcmp import schema
from adamcmp.errors import ConfigError

PROBLEM = ["problem"]
#: What makes another variant of one optimizer's name.
_VARIANT = ("rule", "coupling", "optimizer.target")

#: Columns that say how a run went or where it was computed, not what was asked of it.
_NOT_ASKED = {
    *schema.METRICS,
    *schema.BEST,
    *schema.PROVENANCE_COLUMNS,
    *("run_id", "study", "seed", "status", "error", "stopped_at_step", "best_step"),
    *("train_examples", "parameters", "wall_time_s"),
    # the same as lr, wd, rule and coupling
    *("optimizer.lr", "optimizer.weight_decay", "optimizer.rule", "optimizer.coupling"),
}


def labelled(runs: pd.DataFrame) -> pd.DataFrame:
    """Return runs with a column ``problem``, and variants of one name told apart in ``optimizer``.

    Both name only what was varied: ``"mnist1d, mlp"``, ``"mnist1d, mlp, label_noise 0.3"``;
    ``"sgd"``, ``"sgd (independent)"``.
    """
    runs = runs.copy()
    runs["problem"] = runs["dataset"] + ", " + runs["model"]
    described = [c for c in runs.columns if c.startswith(("dataset.", "model."))]
    for column in described:
        texts = runs[column].map(_short)
        varied = texts.groupby(runs["dataset"] + ", " + runs["model"]).transform("nunique") > 1
        suffix = ", " + column.partition(".")[2] + " " + texts
        runs["problem"] += suffix.where(varied, "")
    for column in [c for c in _VARIANT if c in runs]:
        texts = runs[column].map(_short)
        varied = texts.groupby(runs["optimizer"]).transform("nunique") > 1
        runs["optimizer"] += (" (" + texts + ")").where(varied, "")
    return runs


def _short(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text[:12] if len(text) == 64 else text  # a file's sha256


def measure_of(runs: pd.DataFrame) -> str:
    """Return what a problem's runs are judged by: ``"error"`` for classes, else ``"loss"``."""
    return "error" if runs["test_error"].notna().any() else "loss"


def setting_columns(runs: pd.DataFrame) -> list[str]:
    """Return the columns that were varied within an optimizer on a problem, lr and wd first."""
    described = (*PROBLEM, *_VARIANT, "dataset", "model", "optimizer")
    asked = [
        c
        for c in runs.columns
        if c not in _NOT_ASKED and c not in described and not c.startswith(("dataset.", "model."))
    ]
    asked = [c for c in asked if c in ("lr", "wd") or _varies(runs[c])]
    keys = runs[asked].map(str)
    groups = [runs[c] for c in (*PROBLEM, "optimizer")]
    varied = keys.groupby(groups, dropna=False).nunique(dropna=False).max()
    return [c for c in asked if c in ("lr", "wd") or varied[c] > 1]


def _varies(column: pd.Series) -> bool:
    comparable = column if column.dtype != object else column.map(str)  # lists are not
    return comparable.nunique(dropna=False) > 1


def ranked(runs: pd.DataFrame, by: str = "optimizer") -> pd.DataFrame:
    """Return the runs that did not fail with a column ``rank``: the place of their setting.

    Settings are ranked on each problem among those with the same value of `by`, from 0 on: by
    their mean validation error (regression: loss) over seeds. A setting that diverged for any seed
    is worse than every one that did not; of those, fewer diverged seeds are better.

    Raises:
        ConfigError: When there is something to choose but no validation split to choose on.
    """
    runs = runs[runs["status"] != "failed"]
    settings = [*setting_columns(runs), *(["optimizer"] if by != "optimizer" else [])]
    found = []
    for (_, name), group in runs.groupby([*PROBLEM, by], sort=False):
        by_setting = group.groupby([group[c].map(str) for c in settings], sort=False)
        metric = f"val_{measure_of(group)}"
        unseen = group[metric].isna().all() and (group["status"] == "done").any()
        if by_setting.ngroups > 1 and unseen:
            raise ConfigError(
                f"{name} has {by_setting.ngroups} settings and no validation split to choose on. "
                f"Name one, such as lr={group['lr'].iloc[0]:g}."
            )
        scores = by_setting.agg(
            diverged=("status", lambda s: (s == "diverged").mean()), score=(metric, "mean")
        )
        order = scores.sort_values(["diverged", "score"], kind="stable").index
        place = {setting: rank for rank, setting in enumerate(order)}
        ranks = dict(enumerate(map(place.get, scores.index)))
        found.append(group.assign(rank=by_setting.ngroup().map(ranks)))
    return pd.concat(found) if found else runs.assign(rank=0)


def chosen(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of each optimizer's best setting, per problem.

    Raises:
        ConfigError: As `ranked`.
    """
    order = ranked(runs)
    return order[order["rank"] == 0].drop(columns="rank")


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per problem and optimizer: its best setting, mean and spread over seeds.

    Columns: problem, optimizer, the settings, ``seeds`` (of the best setting that ended),
    ``settings`` (that were tried), ``diverged`` (runs in any of them that did), and for each
    metric its mean and, with suffix ``_sd``, its standard deviation over seeds (n − 1).
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
        for metric in metrics:
            row[metric] = done[metric].mean()
            row[f"{metric}_sd"] = done[metric].std(ddof=1)
        rows.append(row)
    return pd.DataFrame(rows).dropna(axis="columns", how="all")
