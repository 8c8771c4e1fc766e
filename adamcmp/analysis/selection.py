"""Select each optimizer's setting on validation, and the runs that are reported for it.

*Selection seeds* are the seeds that all settings of an optimizer share: settings are ranked by
their mean validation measure over these. *Evaluation seeds* are further seeds of the selected
setting. The results of the selected setting on the selection seeds are biased towards
better values, also on the test set, since validation and test are measured at the same weights. So
results are reported on evaluation seeds if there are at least two of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.metrics import measure_of
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from adamcmp.analysis.run_table import RunTable


def rank_settings(table: RunTable, by: str = "optimizer") -> pd.DataFrame:
    """Rank the settings of each problem and value of `by` on validation.

    Settings are ordered by their mean validation error (regression: loss) over the selection seeds.
    A setting that diverged or failed on any of these seeds ranks behind all settings that did not.
    Among such settings, those with fewer diverged or failed runs rank first.

    Args:
        table: The runs.
        by: Column whose values are ranked separately.

    Returns:
        The runs that did not fail, with columns ``rank`` (of the run's setting, 0 is the best; the
        first of equal settings ranks first), ``best`` (whether the run's setting equals the best
        one), ``selection_seed`` (whether the run's seed is a selection seed) and ``settings`` (the
        number of ranked settings).

    Raises:
        ConfigError: If there are several settings but no validation split.
    """
    groups = table.runs.groupby(["problem", by], sort=False)
    ranked = [_rank_group(table, runs, str(name)) for (_, name), runs in groups]
    ranked = [runs for runs in ranked if len(runs)]
    empty = table.runs[:0].assign(rank=0, best=True, selection_seed=True, settings=0)
    return pd.concat(ranked) if ranked else empty


def _rank_group(table: RunTable, runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rank the settings of one problem and value of `by`."""
    settings, metric = table.setting_texts[runs.index], f"val_{measure_of(runs)}"
    selecting = runs["seed"].isin(shared_seeds(runs["seed"], settings))
    outcomes = pd.DataFrame(
        {
            "unfinished": runs["status"] != "done",
            "failed": runs["status"] == "failed",
            "score": runs[metric].astype(float),
        }
    )
    means = outcomes[selecting].groupby(settings[selecting], sort=False).mean()
    if len(means) > 1 and runs[metric].isna().all() and (runs["status"] == "done").any():
        columns = ["optimizer", *table.setting_columns]
        varied = next(c for c in columns if runs[c].map(str).nunique() > 1)
        value = runs[varied].iloc[0]
        example = f"{value:g}" if isinstance(value, float) else value
        raise ConfigError(
            f"{name} has {len(means)} settings and no validation split to select on. Restrict it "
            f"to one setting, such as {varied}={example}."
        )
    # A setting of which all runs failed cannot be ranked.
    usable = means[means["failed"] < 1]
    usable = usable.sort_values(["unfinished", "failed", "score"], kind="stable")
    rank_of = {setting: rank for rank, setting in enumerate(usable.index)}
    # Means of equal values in another order differ by a rounding error.
    equal = np.isclose(usable, usable[:1], rtol=1e-9, atol=0, equal_nan=True).all(axis=1)
    ranks = [rank_of.get(setting, -1) for setting in settings]
    best = [0 <= rank < equal.sum() for rank in ranks]
    runs = runs.assign(rank=ranks, best=best, selection_seed=selecting, settings=len(means))
    return runs[(runs["status"] != "failed") & (runs["rank"] >= 0)]


def shared_seeds(seeds: pd.Series[int], settings: pd.Series[str]) -> set[int]:
    """Return the seeds that all settings share; all seeds if they share none.

    Args:
        seeds: The seed of each run.
        settings: The setting of each run.
    """
    of_setting: dict[str, set[int]] = {}
    for setting, seed in zip(settings, seeds, strict=True):
        of_setting.setdefault(setting, set()).add(seed)
    return set.intersection(*of_setting.values()) or set(seeds)


def selection_seeds(table: RunTable) -> set[int]:
    """Return the seeds on which settings are ranked.

    Seeds of failed runs count. If settings share no seed, each is ranked by all of its seeds.

    >>> from adamcmp.analysis.example import example_table
    >>> selection_seeds(example_table())
    {0, 1, 2, 3, 4}

    Args:
        table: The runs of one optimizer on one problem.
    """
    return shared_seeds(table.runs["seed"], table.setting_texts)


def select_runs(ranked: pd.DataFrame, by: str = "optimizer") -> pd.DataFrame:
    """Return the reported runs of each problem and value of `by`.

    These are the runs of the setting of rank 0: those of evaluation seeds if there are at least two
    of them, otherwise all.

    Args:
        ranked: The result of `rank_settings`.
        by: The column that settings were ranked by.

    Returns:
        Runs with column ``fresh``: whether none of the reported seeds took part in the selection.
        It is also true if there was one setting, so no selection.
    """
    best = ranked[ranked["rank"] == 0]
    groups = [best[c] for c in ("problem", by)]
    evaluated = (~best["selection_seed"]).groupby(groups).transform("sum") >= 2
    single = best["settings"] == 1
    best = best.assign(fresh=(evaluated | single).astype(bool))
    reported = best[~evaluated | ~best["selection_seed"] | single]
    return reported.drop(columns=["rank", "best", "selection_seed", "settings"])


def summarize(table: RunTable) -> pd.DataFrame:
    """Return the selected setting of each problem and optimizer, with means over seeds.

    Returns:
        One row per problem and optimizer. Columns: problem, optimizer, the setting columns;
        ``seeds``, completed runs of the selected setting; ``settings``, the number tried;
        ``diverged``, runs of any setting that diverged; ``fresh``, as in `select_runs`; the mean of
        each metric and, with the suffix ``_sd``, its standard deviation over seeds (n − 1).
    """
    selected, runs, columns = table.selected(), table.runs, table.setting_columns
    measures = dict.fromkeys(["loss", "error", *map(table.measure, table.problems)])
    metrics = [f"{split}_{m}" for m in measures for split in ("train", "val", "test", "gap")]
    rows = []
    for (problem, optimizer), group in selected.groupby(GROUP, sort=False):
        done = group[group["status"] == "done"]
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        row = {"problem": problem, "optimizer": optimizer}
        row |= {c: group[c].iloc[0] for c in columns}
        row["seeds"] = done["seed"].nunique()
        row["diverged"] = int((tried["status"] == "diverged").sum())
        row["settings"] = table.setting_texts[tried.index].nunique()
        row["fresh"] = bool(group["fresh"].all())
        for metric in metrics:
            row[metric] = done[metric].mean()
            row[f"{metric}_sd"] = done[metric].std(ddof=1)
        rows.append(row)
    return pd.DataFrame(rows).dropna(axis="columns", how="all")
