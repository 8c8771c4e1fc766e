"""What each optimizer was given: settings, runs, steps, and what became of them."""

from __future__ import annotations

import pandas as pd

from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import PROBLEM, choosing_seeds, setting_columns

#: What tells an optimizer's runs apart.
_RUN = ["_setting", "seed"]


@accepts_table
def budgets(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what each optimizer was given on each problem, and what became of it.

    Columns: problem, optimizer, ``settings``, ``runs``, ``run_steps`` (asked, over all runs),
    ``done``, ``diverged``, ``failed``, ``missing`` (runs that would complete its settings with
    the seeds that most of them have, or most of another optimizer's that has these seeds and
    more, as where a sweep was cut off); ``seeds_per_setting``, ``steps_per_run`` (means over the
    runs that took part in choosing; without a choice of settings there are no such seeds).
    """
    settings = setting_columns(runs)
    keys = [*PROBLEM, "optimizer"]
    named = runs.assign(_setting=runs[settings].map(str).agg("|".join, axis=1))
    groups = named.groupby(keys, sort=False)
    table = groups.agg(settings=("_setting", "nunique"), runs=("run_id", "count"))
    if "steps" in named:
        table["run_steps"] = groups["steps"].sum(min_count=1)
    for status in ("done", "diverged", "failed"):
        table[status] = (named["status"] == status).groupby([named[k] for k in keys]).sum()
    table["missing"] = 0
    for _, own in table.groupby([PROBLEM[0], table["settings"] > 1], sort=False):
        # What has one setting has nothing to choose: its seeds say nothing of seeds for choosing.
        usual = [_usual(groups.get_group(key)) for key in own.index]
        for key, seeds in zip(own.index, usual, strict=True):
            more = [other for other in usual if seeds and other >= seeds]
            expected = max(more, key=len, default=seeds)
            table.loc[key, "missing"] = _missing(groups.get_group(key), expected)
    spent = {key: _tuning(own) for key, own in groups}
    tuning = pd.DataFrame.from_dict(spent, "index", columns=["seeds_per_setting", "steps_per_run"])
    return pd.concat([table, tuning.set_axis(table.index)], axis="columns").reset_index()


def _tuning(runs: pd.DataFrame) -> tuple[float, float]:
    """Return the seeds per setting and the steps per run by which one optimizer was tuned."""
    judged = runs[runs["seed"].isin(choosing_seeds(runs))]
    settings = judged["_setting"].nunique()
    seeds = len(judged) / settings if settings > 1 else float("nan")
    steps = judged["steps"].astype(float).mean() if "steps" in judged else float("nan")
    return seeds, steps


def _usual(runs: pd.DataFrame) -> frozenset[int]:
    """Return the seeds that most settings have: not a second stage's, of the winners alone."""
    per_seed = runs.groupby("seed")["_setting"].nunique()
    return frozenset(per_seed.index[per_seed * 2 > runs["_setting"].nunique()])


def _missing(runs: pd.DataFrame, expected: frozenset[int]) -> int:
    """Return how many runs would complete one optimizer's settings with the expected seeds."""
    there = runs[runs["seed"].isin(expected)]
    return runs["_setting"].nunique() * len(expected) - len(there.drop_duplicates(_RUN))
