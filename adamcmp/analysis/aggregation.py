"""Tidy tables of means and paired differences over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adamcmp.analysis import estimates

#: The columns of an estimate in every tidy table; n counts seeds unless a table says otherwise.
ESTIMATE_COLUMNS = ["estimate", "ci_low", "ci_high", "n"]


def mean_over_seeds(values: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Average column ``value`` within each combination of `keys`.

    Args:
        values: Columns value and `keys`; rows without a value are skipped.
        keys: The grouping columns.

    Returns:
        One row per combination, in order of appearance: `keys`, estimate, ci_low, ci_high, n.
    """
    group = values.groupby(keys, sort=False).ngroup().to_numpy()
    table = values.loc[~pd.Series(group, values.index).duplicated(), keys].reset_index(drop=True)
    value = values["value"].to_numpy(float)
    known = ~np.isnan(value)
    count = np.bincount(group[known], minlength=len(table))
    # The values of each group are adjacent in `ordered`; `sizes` has the size of the group of each.
    ordered = value[known][np.argsort(group[known], kind="stable")]
    sizes = np.repeat(count, count)
    result = np.full((len(table), 3), np.nan)
    for n in np.unique(count[count > 0]):  # groups of one size are estimated at once
        estimate = estimates.mean(ordered[sizes == n].reshape(-1, n))
        result[count == n] = np.stack([estimate.value, estimate.low, estimate.high], axis=1)
    return table.assign(**dict(zip(ESTIMATE_COLUMNS, [*result.T, count], strict=True)))


def paired_differences(values: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Estimate the difference a − b of column ``value`` for each pair of optimizers.

    Differences are paired over the seeds that both optimizers have.

    Args:
        values: Columns problem, optimizer, seed, value and `keys`.
        keys: Columns within which optimizers are compared, ``problem`` among them.

    Returns:
        One row per pair and combination of `keys`, in order of appearance: a, b, `keys`, estimate,
        ci_low, ci_high, n (shared seeds).
    """
    order = {name: place for place, name in enumerate(values["optimizer"].unique())}
    pairs = values.merge(values, on=[*keys, "seed"], suffixes=("", "_b"))
    # Each pair once, the optimizer that appears first as a.
    pairs = pairs[pairs["optimizer"].map(order) < pairs["optimizer_b"].map(order)]
    pairs = pairs.rename(columns={"optimizer": "a", "optimizer_b": "b"})
    pairs = pairs.assign(value=pairs["value"] - pairs["value_b"])
    return mean_over_seeds(pairs, ["a", "b", *keys])
