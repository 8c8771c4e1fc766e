"""Select each optimizer's setting on validation, and the runs that are reported for it.

*Selection seeds* are the seeds that all settings of an optimizer share: settings are ranked by
their mean validation measure over these. *Candidate seeds* are further seeds of the best of these
settings, the candidates, which are ranked again over both. *Evaluation seeds* are further seeds of
the selected setting. The results of the selected setting on seeds that ranked it are biased towards
better values, also on the test set, since validation and test are measured at the same weights. So
results are reported on evaluation seeds if there are at least two of them.

These kinds of seeds are inferred from the runs: see `candidates_of`.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.metrics import measure_of
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from adamcmp.analysis.run_table import RunTable

#: Results are reported on evaluation seeds if there are at least so many.
MIN_EVALUATION_SEEDS = 2
#: The smallest number of candidates. With fewer, the best setting is too often not among them
#: (docs/statistics.md). A few settings with further seeds may be earlier best settings and the
#: present one, all with evaluation seeds.
MIN_CANDIDATES = 5


def rank_settings(
    table: RunTable, by: str = "optimizer", *, evaluated: bool = True
) -> pd.DataFrame:
    """Rank the settings of each problem and value of `by` on validation.

    Settings are ordered by their mean validation error (regression: loss) over the selection seeds.
    A setting that diverged or failed on any of these seeds ranks behind all settings that did not.
    Among such settings, those with fewer diverged or failed runs rank first. If there are
    candidates (see `candidates_of`), they rank first, ordered in the same way over their selection
    and candidate seeds, provided that the best setting on the selection seeds is one of them.

    Args:
        table: The runs.
        by: Column whose values are ranked separately.
        evaluated: Whether candidates are ranked again only if the best one of them has evaluation
            seeds. Seeds that were added to some settings by hand then select nothing. If false,
            the result says which candidate is to be evaluated.

    Returns:
        The runs that did not fail, with columns ``rank`` (of the run's setting, 0 is the best; the
        first of equal settings ranks first), ``best`` (whether the run's setting equals the best
        one), ``selection_seed`` (whether settings were ranked over the run's seed: it is a
        selection or candidate seed) and ``settings`` (the number of ranked settings).

    Raises:
        ConfigError: If there are several settings but no validation split.
    """
    groups = table.runs.groupby(["problem", by], sort=False)
    ranked = [_rank_group(table, runs, str(name), evaluated) for (_, name), runs in groups]
    ranked = [runs for runs in ranked if len(runs)]
    empty = table.runs[:0].assign(rank=0, best=True, selection_seed=True, settings=0)
    return pd.concat(ranked) if ranked else empty


def _rank_group(table: RunTable, runs: pd.DataFrame, name: str, evaluated: bool) -> pd.DataFrame:
    """Rank the settings of one problem and value of `by`."""
    settings = table.setting_texts[runs.index]
    _check_validation(table, runs, name, settings.nunique())
    order, seeds = _ordered(runs, settings, evaluated)
    rank_of = {setting: rank for rank, setting in enumerate(order.index)}
    # Means of equal values in another order differ by a rounding error.
    equal = np.isclose(order, order[:1], rtol=1e-9, atol=0, equal_nan=True).all(axis=1)
    ranks = [rank_of.get(setting, -1) for setting in settings]
    best = [0 <= rank < equal.sum() for rank in ranks]
    runs = runs.assign(rank=ranks, best=best, selection_seed=runs["seed"].isin(seeds))
    runs = runs.assign(settings=settings.nunique())
    return runs[(runs["status"] != "failed") & (runs["rank"] >= 0)]


def _check_validation(table: RunTable, runs: pd.DataFrame, name: str, settings: int) -> None:
    """Check that completed runs have a validation measure if there are several settings."""
    metric = f"val_{measure_of(runs)}"
    if settings < 2 or runs[metric].notna().any() or not (runs["status"] == "done").any():
        return
    columns = ["optimizer", *table.setting_columns]
    varied = next(c for c in columns if runs[c].map(str).nunique() > 1)
    value = runs[varied].iloc[0]
    example = f"{value:g}" if isinstance(value, float) else value
    raise ConfigError(
        f"{name} has {settings} settings and no validation split to select on. Restrict it "
        f"to one setting, such as {varied}={example}."
    )


def _ordered(
    runs: pd.DataFrame, settings: pd.Series[str], evaluated: bool
) -> tuple[pd.DataFrame, set[int]]:
    """Return the settings with the means that order them, the best first, and the seeds of these.

    A setting of which all runs failed cannot be ranked.
    """
    outcomes = pd.DataFrame(
        {
            "unfinished": runs["status"] != "done",
            "failed": runs["status"] == "failed",
            "score": runs[f"val_{measure_of(runs)}"].astype(float),
        }
    )

    def ordered(selected: pd.Series[bool]) -> pd.DataFrame:
        means = outcomes[selected].groupby(settings[selected], sort=False).mean()
        usable = means[means["failed"] < 1]
        return usable.sort_values(["unfinished", "failed", "score"], kind="stable")

    seeds = shared_seeds(runs["seed"], settings)
    order = ordered(runs["seed"].isin(seeds))
    candidates, candidate_seeds = candidates_of(runs["seed"], settings)
    if order.empty or order.index[0] not in candidates:
        return order, seeds
    all_seeds = seeds | candidate_seeds
    again = ordered(settings.isin(candidates) & runs["seed"].isin(all_seeds))
    further = (settings == again.index[0]) & ~runs["seed"].isin(all_seeds)
    if evaluated and further.sum() < MIN_EVALUATION_SEEDS:
        return order, seeds
    return pd.concat([again, order.drop(again.index, errors="ignore")]), all_seeds


def shared_seeds(seeds: pd.Series[int], settings: pd.Series[Any]) -> set[int]:
    """Return the seeds that all settings share; all seeds if they share none.

    Args:
        seeds: The seed of each run.
        settings: The setting of each run.
    """
    return set.intersection(*_seeds_of_settings(seeds, settings).values()) or set(seeds)


def candidates_of(seeds: pd.Series[int], settings: pd.Series[str]) -> tuple[set[str], set[int]]:
    """Return the settings that have candidate seeds, and these seeds; none if there are none.

    Candidate seeds are those of at least five and at most half of the settings. More settings are
    those of a grid with missing runs, and fewer have evaluation seeds, also where the best setting
    changed and each of them has some. Candidates are the settings with all candidate seeds, at
    least five.

    Args:
        seeds: The seed of each run.
        settings: The setting of each run.
    """
    of_setting = _seeds_of_settings(seeds, settings)
    counts = Counter(chain.from_iterable(of_setting.values()))
    few = {seed for seed, n in counts.items() if MIN_CANDIDATES <= n <= len(of_setting) / 2}
    candidates = {setting for setting, own in of_setting.items() if few and few <= own}
    return (candidates, few) if len(candidates) >= MIN_CANDIDATES else (set(), set())


def _seeds_of_settings(seeds: pd.Series[int], settings: pd.Series[Any]) -> dict[Any, set[int]]:
    of_setting: dict[Any, set[int]] = {}
    for setting, seed in zip(settings, seeds, strict=True):
        of_setting.setdefault(setting, set()).add(seed)
    return of_setting


def selection_seeds(table: RunTable) -> set[int]:
    """Return the seeds on which all settings are ranked.

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
    evaluated = (~best["selection_seed"]).groupby(groups).transform("sum")
    evaluated = evaluated >= MIN_EVALUATION_SEEDS
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
