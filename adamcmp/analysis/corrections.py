"""Correct the p-values of a family of comparisons, and decide which arm of each is better."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from adamcmp.analysis import estimates
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.metrics import higher_is_better
from adamcmp.analysis.sign_flips import MIN_SEEDS, increase_of_deviations, max_t


def correct(table: pd.DataFrame, differences: Floats | None) -> pd.DataFrame:
    """Return comparisons with p-values corrected over their family, and what these show.

    Args:
        table: One row per pair, with the columns of `pair_columns`, ``baseline`` and ``margin``.
        differences: The differences of the pairs with a common baseline, (pairs, seeds), NaN where
            a pair lacks a seed; None if they have no common baseline.

    Returns:
        The rows with all columns of `comparisons`.
    """
    table = table.assign(adjustment="Holm", p_equal=_p_equal(table))
    adjust: Callable[[Floats], Floats] = estimates.holm
    if differences is not None and _can_flip(table):
        table = _with_raised_deviations(table.assign(adjustment="max-T"), differences)
        adjust = partial(max_t, differences=differences)
    return _with_equality(_with_better(_with_adjusted(table, adjust)))


def _with_raised_deviations(table: pd.DataFrame, differences: Floats) -> pd.DataFrame:
    """Return comparisons whose power accounts for the standard deviations that max-T raises.

    The level remains that of Holm's strictest step, so the numbers are upper bounds.
    """
    increase = increase_of_deviations(differences)
    return table.assign(
        detectable=table["detectable"] * increase,
        detectable_settings=table["detectable_settings"] * increase,
        # The number of seeds is about proportional to the variance.
        seeds_needed=np.ceil(table["seeds_needed"] * increase**2),
    )


def _p_equal(table: pd.DataFrame) -> Floats:
    """Return the p-values of differences outside the margin.

    The larger one of two one-sided tests (Schuirmann 1987, Journal of Pharmacokinetics and
    Biopharmaceutics 15, 657-680). The difference may be larger by its selection bias. It has a sign
    test too if it is the same on all seeds.
    """
    size = table["estimate"].abs() + table["selection_bias"]
    inside = (table["margin"] - size) / table["error"]
    by_size = stats.t.sf(inside.to_numpy(np.float64), table["df"].to_numpy(np.float64))
    p: Floats = np.maximum(by_size, table["p_sign"].to_numpy(np.float64))
    return p


def _can_flip(table: pd.DataFrame) -> bool:
    """Return whether all comparisons with a test are paired over enough seeds to flip signs."""
    tested = table[table["p_value"].notna()]
    return bool((tested["paired"] & (tested["n"] >= MIN_SEEDS)).all())


def _with_adjusted(table: pd.DataFrame, adjust: Callable[[Floats], Floats]) -> pd.DataFrame:
    """Add the p-values that are corrected over the pairs of a problem."""
    p_value, p_choice = (table[c].to_numpy(np.float64) for c in ("p_value", "p_choice"))
    p_holm = adjust(p_value)
    # Accounting for the selection must not make a difference more significant, nor be a test where
    # there is none.
    p_choice = np.where(np.isnan(p_value), np.nan, p_choice)
    return table.assign(
        p_holm=p_holm,
        p_choice=np.maximum(adjust(p_choice), p_holm),
        p_diverged_holm=estimates.holm(table["p_diverged"]),
        p_equal_holm=estimates.holm(table["p_equal"]),
    )


def _with_better(table: pd.DataFrame) -> pd.DataFrame:
    """Add the arm that is better, and the evidence for it."""
    sign = np.where(table["metric"].map(higher_is_better), 1, -1) * table["estimate"]
    ahead = np.where(sign > 0, "a", "b")
    more_often = table["diverged_a"] / table["seeds_a"] - table["diverged_b"] / table["seeds_b"]
    less_diverged = np.where(more_often < 0, "a", "b")
    differs = table["p_choice"] < table["level"]
    diverges = table["p_diverged_holm"] < table["level"]
    # An optimizer that is ahead on completed runs, but diverges more often, is not better.
    agree = (more_often == 0) | (ahead == less_diverged)
    evidence = np.select([differs & agree, ~differs & diverges], ["difference", "divergence"], "")
    better = np.select(
        [evidence == "difference", evidence == "divergence"], [ahead, less_diverged], ""
    )
    return table.assign(evidence=evidence, better=better)


def _with_equality(table: pd.DataFrame) -> pd.DataFrame:
    """Add whether the arms are equal within the margin."""
    within = table["p_equal_holm"] < table["level"]
    return table.assign(equal=within & (table["evidence"] != "divergence"))
