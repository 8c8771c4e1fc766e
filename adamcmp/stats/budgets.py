"""What each optimizer was given: settings, runs, steps, and what became of them."""

from __future__ import annotations

import pandas as pd

from adamcmp.stats.choice import PROBLEM, setting_columns


def budgets(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what each optimizer was given on each problem, and what became of it.

    Columns: problem, optimizer, ``settings``, ``runs``, ``run_steps`` (asked, over all runs),
    ``done``, ``diverged``, ``failed``, ``missing`` (runs that would complete its settings with
    the seeds that most of them have).
    """
    settings = setting_columns(runs)
    keys = [*PROBLEM, "optimizer"]
    named = runs.assign(_setting=runs[settings].map(str).agg("|".join, axis=1))
    groups = named.groupby(keys, sort=False)
    table = groups.agg(settings=("_setting", "nunique"), runs=("run_id", "count"))
    if "steps" in named:
        table["run_steps"] = groups["steps"].sum()
    for status in ("done", "diverged", "failed"):
        table[status] = (named["status"] == status).groupby([named[k] for k in keys]).sum()
    table["missing"] = groups[["_setting", "seed"]].apply(_missing)
    return table.reset_index()


def _missing(runs: pd.DataFrame) -> int:
    settings = runs["_setting"].nunique()
    per_seed = runs.groupby("seed")["_setting"].nunique()
    expected = per_seed[per_seed * 2 > settings]  # not a second stage's, of the winners alone
    return int((settings - expected).sum())
