"""Intervals over seeds of what is not a mean: ratios, directions, functions of several means.

Every interval here is a 95 % one, and NaN with one seed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
#: (estimate, ci_low, ci_high)
Interval = tuple[float, float, float]

LEVEL = 0.95
ESTIMATES = ["estimate", "ci_low", "ci_high", "n"]


def t_quantile(n: int) -> float:
    """Return the two-sided quantile of Student's t for n values; NaN for one."""
    return float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) if n > 1 else float("nan")


def means(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the means over the last axis, seeds, and the ends of their t-intervals."""
    n = values.shape[-1]
    centre = values.mean(axis=-1)
    spread = values.std(axis=-1, ddof=1) if n > 1 else np.full_like(centre, np.nan)
    half = t_quantile(n) * _spread(spread, centre) / np.sqrt(n)
    return centre, centre - half, centre + half


def _spread(sd: Floats, mean: Floats) -> Floats:
    """Return standard deviations, NaN where rounding is all there is: nothing can be said then."""
    return np.where(sd > 1e-12 * np.abs(mean), sd, np.nan)


def averaged(values: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the mean and t-interval of column ``value`` per value of `keys`, in order."""
    found = values.groupby(keys, sort=False)["value"].agg(["mean", "std", "count"]).reset_index()
    n = found["count"].to_numpy()
    quantiles = {k: t_quantile(k) for k in set(n.tolist())}
    sd = _spread(found["std"].to_numpy(float), found["mean"].to_numpy(float))
    half = np.array([quantiles[k] for k in n.tolist()]) * sd / np.sqrt(n)
    return found[keys].assign(
        estimate=found["mean"], ci_low=found["mean"] - half, ci_high=found["mean"] + half, n=n
    )


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
    return averaged(both, ["a", "b", *keys])


def jackknife(statistic: Callable[[NDArray[np.intp]], float], n: int) -> Interval:
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
    _, low, high = means(n * whole - (n - 1) * without)
    half = float(high - low) / 2
    return whole, whole - half, whole + half


def direction(vectors: Floats) -> Interval:
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
    noise = turn @ np.cov(vectors) @ turn.T * t_quantile(n) ** 2 / n
    a = centre @ centre - noise[0, 0]
    if a <= 0:
        return angle, angle - np.pi, angle + np.pi
    # Deviations τ = tan δ with a·τ² + 2b·τ − c ≤ 0.
    b, c = noise[0, 1], noise[1, 1]
    root = np.sqrt(b * b + a * c)
    return angle, angle + np.arctan((-b - root) / a), angle + np.arctan((-b + root) / a)
