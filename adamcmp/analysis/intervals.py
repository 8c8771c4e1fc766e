"""Tables of estimates over seeds, and intervals of what is not a mean.

Means and paired differences are those of `estimates`. Every interval is a 95 % one; NaN with one
seed, or where seeds do not differ.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from adamcmp.analysis import estimates
from adamcmp.analysis.estimates import ALPHA, Estimate, Floats

#: (estimate, ci_low, ci_high)
ConfidenceInterval = tuple[float, float, float]

ESTIMATES = ["estimate", "ci_low", "ci_high", "n"]


def averaged(
    values: pd.DataFrame,
    keys: list[str],
    interval: Callable[[Floats], Estimate] = estimates.mean,
) -> pd.DataFrame:
    """Return the mean of column ``value`` per value of `keys`, in order of appearance.

    Args:
        values: Columns value and `keys`; rows without a value count for nothing.
        keys: What tells means apart.
        interval: Of the mean over the last axis.

    Returns:
        Columns `keys`, estimate, ci_low, ci_high, n.
    """
    group = values.groupby(keys, sort=False).ngroup().to_numpy()
    table = values.loc[~pd.Series(group, values.index).duplicated(), keys].reset_index(drop=True)
    value = values["value"].to_numpy(float)
    known = ~np.isnan(value)
    count = np.bincount(group[known], minlength=len(table))
    ordered = value[known][np.argsort(group[known], kind="stable")]
    sizes = np.repeat(count, count)
    found = np.full((len(table), 3), np.nan)
    for n in np.unique(count[count > 0]):
        some = interval(ordered[sizes == n].reshape(-1, n))
        found[count == n] = np.stack([some.value, some.low, some.high], axis=1)
    return table.assign(**dict(zip(ESTIMATES, [*found.T, count], strict=True)))


def differences(values: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return paired differences a − b of column ``value`` between optimizers, over shared seeds.

    Args:
        values: Columns problem, optimizer, seed, value and others that `keys` names.
        keys: What is compared at equal values, ``problem`` among them.

    Returns:
        Columns a, b, `keys`, estimate, ci_low, ci_high, n (seeds shared); each pair once, in order
        of appearance.
    """
    order = {name: place for place, name in enumerate(values["optimizer"].unique())}
    both = values.merge(values, on=[*keys, "seed"], suffixes=("", "_b"))
    both = both[both["optimizer"].map(order) < both["optimizer_b"].map(order)]
    both = both.rename(columns={"optimizer": "a", "optimizer_b": "b"})
    both = both.assign(value=both["value"] - both["value_b"])
    return averaged(both, ["a", "b", *keys], estimates.difference)


def jackknife(statistic: Callable[[NDArray[np.intp]], float], n: int) -> ConfidenceInterval:
    """Return a statistic over all seeds and its jackknife interval (Tukey 1958; Miller 1974).

    Args:
        statistic: A function of the seeds' indices that are kept.
        n: How many seeds there are.
    """
    every = np.arange(n)
    whole = statistic(every)
    if n < 2:
        return whole, float("nan"), float("nan")
    without = np.array([statistic(np.delete(every, i)) for i in every])
    pseudo = estimates.difference(n * whole - (n - 1) * without)
    half = float(pseudo.high - pseudo.low) / 2
    return whole, whole - half, whole + half


def direction(vectors: Floats) -> ConfidenceInterval:
    """Return the angle of a mean vector of the plane, in radians, with Fieller's interval.

    The interval holds the directions across which the mean's component is not different from 0
    (Fieller 1954). Where noise leaves every direction open it is ±π about the estimate.

    Args:
        vectors: 2 × seeds.
    """
    n = vectors.shape[1]
    centre = vectors.mean(axis=1)
    angle = float(np.arctan2(centre[1], centre[0]))
    if n < 2:
        return angle, float("nan"), float("nan")
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    noise = turn @ np.cov(vectors) @ turn.T * stats.t.ppf(1 - ALPHA / 2, n - 1) ** 2 / n
    a = centre @ centre - noise[0, 0]
    if a <= 0:
        return angle, angle - np.pi, angle + np.pi
    # Deviations τ = tan δ with a·τ² + 2b·τ − c ≤ 0.
    b, c = noise[0, 1], noise[1, 1]
    root = np.sqrt(b * b + a * c)
    return angle, angle + np.arctan((-b - root) / a), angle + np.arctan((-b + root) / a)
