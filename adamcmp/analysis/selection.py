"""Select each optimizer's setting on validation, and the runs that are reported for it.

Settings are ranked over their selection seeds, and candidates again over further ones: see
`adamcmp.analysis.selection_seeds`. The results of the selected setting on seeds that ranked it are
biased towards better values, also on the test set, since validation and test are measured at the
same weights. So results are reported on evaluation seeds if there are at least two of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adamcmp.analysis.metrics import measure_of
from adamcmp.analysis.selection_seeds import candidates_of, shared_seeds
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from adamcmp.analysis.run_table import RunTable

#: Results are reported on evaluation seeds if there are at least so many.
MIN_EVALUATION_SEEDS = 2


def rank_settings(
    table: RunTable, by: str = "optimizer", *, require_evaluation: bool = True
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
        require_evaluation: Rank candidates again only if the best one of them has evaluation seeds,
            so that seeds that were added to some settings by hand select nothing. If false, the
            result says which candidate is to be evaluated.

    Returns:
        The runs that did not fail, with columns ``rank`` (of the run's setting, 0 is the best; the
        first of equal settings ranks first), ``best`` (whether the run's setting equals the best
        one), ``selection_seed`` (whether settings were ranked over the run's seed: it is a
        selection or candidate seed) and ``settings`` (the number of ranked settings).

    Raises:
        ConfigError: If there are several settings but no validation split.
    """
    groups = table.runs.groupby(["problem", by], sort=False)
    ranked = [_rank_group(table, runs, str(name), require_evaluation) for (_, name), runs in groups]
    ranked = [runs for runs in ranked if len(runs)]
    empty = table.runs[:0].assign(rank=0, best=True, selection_seed=True, settings=0)
    return pd.concat(ranked) if ranked else empty


def _rank_group(
    table: RunTable, runs: pd.DataFrame, name: str, require_evaluation: bool
) -> pd.DataFrame:
    """Rank the settings of one problem and value of `by`."""
    settings = table.setting_texts[runs.index]
    _check_validation(table, runs, name, settings.nunique())
    order, seeds = _ordered(runs, settings, require_evaluation)
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
    runs: pd.DataFrame, settings: pd.Series[str], require_evaluation: bool
) -> tuple[pd.DataFrame, set[int]]:
    """Return the settings with the means that order them, the best first, and the seeds of these.

    A setting of which all runs failed cannot be ranked.
    """
    seeds = shared_seeds(runs["seed"], settings)
    order = _mean_outcomes(runs, settings, runs["seed"].isin(seeds))
    candidates, candidate_seeds = candidates_of(runs["seed"], settings)
    if order.empty or order.index[0] not in candidates:
        return order, seeds
    all_seeds = seeds | candidate_seeds
    ranked_again = runs["seed"].isin(all_seeds)
    order_again = _mean_outcomes(runs, settings, settings.isin(candidates) & ranked_again)
    evaluation = (settings == order_again.index[0]) & ~ranked_again
    if require_evaluation and evaluation.sum() < MIN_EVALUATION_SEEDS:
        return order, seeds
    return pd.concat([order_again, order.drop(order_again.index, errors="ignore")]), all_seeds


def _mean_outcomes(
    runs: pd.DataFrame, settings: pd.Series[str], selected: pd.Series[bool]
) -> pd.DataFrame:
    """Return the mean outcome of each setting over selected runs, the best setting first."""
    outcomes = pd.DataFrame(
        {
            "unfinished": runs["status"] != "done",
            "failed": runs["status"] == "failed",
            "score": runs[f"val_{measure_of(runs)}"].astype(float),
        }
    )
    means = outcomes[selected].groupby(settings[selected], sort=False).mean()
    usable = means[means["failed"] < 1]
    return usable.sort_values(["unfinished", "failed", "score"], kind="stable")


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
    best = ranked[ranked["rank"] == 0].copy()  # as few arrays, of the many columns
    groups = [best[c] for c in ("problem", by)]
    evaluated = (~best["selection_seed"]).groupby(groups).transform("sum")
    evaluated = evaluated >= MIN_EVALUATION_SEEDS
    single = best["settings"] == 1
    best = best.assign(fresh=(evaluated | single).astype(bool))
    reported = best[~evaluated | ~best["selection_seed"] | single]
    return reported.drop(columns=["rank", "best", "selection_seed", "settings"])
