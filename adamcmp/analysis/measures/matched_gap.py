"""Test error and gap at equal training loss, to separate generalization from fit.

Training losses are matched in two ways: along the learning curves of each optimizer's selected
setting, and over the final values of all its settings. Both return a table of values per seed,
which `matched` averages and `matched_differences` compares.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from adamcmp.analysis.aggregation import mean_over_seeds, paired_differences
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.headlines import count_of_pairs
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.loss_levels import LEVELS, at_levels, curves_of_selected, log10_loss
from adamcmp.analysis.measures.measure import Measure, column_headings
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import has_common_seed
from adamcmp.analysis.wording import metric_phrase

#: The metrics that are compared at equal training loss.
MATCHED_METRICS = ["test_error", "gap_error", "test_loss", "gap_loss"]
#: The share of an optimizer's settings in the window of the local regression.
SPAN = 0.5
#: Minimum number of settings for a local regression.
_MIN_SETTINGS = 5
#: A window whose standard deviation is below this share of the range of all points is too narrow
#: for a slope.
_NARROW = 0.05

_COLUMNS = [*GROUP, "seed", "metric", "train_loss", "value"]


def along_curves(table: RunTable) -> pd.DataFrame:
    """Return metrics where the runs of the selected settings first reach given training losses.

    The losses and the interpolation are those of `adamcmp.analysis.loss_levels`.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> values = along_curves(table)
    >>> values[["optimizer", "seed", "metric", "train_loss", "value"]].head(2).round(3)
      optimizer  seed      metric  train_loss  value
    0   adam_l2     0  test_error       0.476  0.462
    1   adam_l2     1  test_error       0.476  0.461

    Returns:
        Columns problem, optimizer, seed, metric (of `MATCHED_METRICS`), train_loss (the level),
        value.
    """
    curves = curves_of_selected(table, MATCHED_METRICS)
    by_problem = (group for _, group in curves.groupby("problem"))
    return _to_long([level for group in by_problem for level in at_levels(group, MATCHED_METRICS)])


def over_settings(table: RunTable) -> pd.DataFrame:
    """Return final metrics at equal final training loss, over all settings.

    For each optimizer and seed, a local linear regression on log training loss over the settings
    (Cleveland 1979, JASA 74, 829-836; tricube weights over the nearest half) is evaluated at levels
    evenly spaced in log loss, where every optimizer has settings: between the largest of the
    optimizers' 5 % quantiles and the smallest of their 95 % quantiles. Diverged runs have no
    training loss and are left out: only runs that fit the training data equally well are compared.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> values = over_settings(table)
    >>> values[["optimizer", "seed", "metric", "train_loss", "value"]].head(2).round(3)
      optimizer  seed      metric  train_loss  value
    0   adam_l2     0  test_error       0.423  0.283
    1   adam_l2     0  test_error       0.409  0.264

    Returns:
        Columns as of `along_curves`. Optimizers with fewer than 5 settings are left out.
    """
    runs = table.runs
    done = runs[(runs["status"] == "done") & runs["train_loss"].notna()]
    if done.empty:
        return pd.DataFrame(columns=_COLUMNS)
    # Only the selected setting has evaluation seeds, over which no regression is possible.
    done = done[done.groupby(GROUP)["seed"].transform(has_common_seed).astype(bool)]
    sizes = done.groupby([*GROUP, "seed"])["lr"].transform("size")
    done = done[sizes >= _MIN_SETTINGS]
    done = done.assign(log=log10_loss(done["train_loss"]))
    tables = []
    for _, group in done.groupby("problem", sort=False):
        logs = group.groupby("optimizer")["log"]
        low, high = logs.quantile(0.05).max(), logs.quantile(0.95).min()
        if not low < high:  # no training loss is reached by all optimizers
            continue
        levels = np.linspace(high, low, LEVELS)
        for _, seed_runs in group.groupby(["optimizer", "seed"], sort=False):
            values = local_regression(
                seed_runs["log"].to_numpy(), seed_runs[MATCHED_METRICS].to_numpy(float), levels
            )
            fitted = pd.DataFrame(values, columns=MATCHED_METRICS).assign(train_loss=10**levels)
            tables.append(fitted.merge(seed_runs[[*GROUP, "seed"]].iloc[:1], how="cross"))
    return _to_long(tables)


def local_regression(x: Floats, values: Floats, levels: Floats) -> Floats:
    """Return a local linear regression; a local mean where the points of a window coincide.

    A line through coinciding points has no defined slope.

    Args:
        x: Shape (points,).
        values: Shape (points, metrics).
        levels: Shape (levels,).

    Returns:
        Shape (levels, metrics).
    """
    distance = np.abs(x - levels[:, None])
    nearest = max(int(np.ceil(SPAN * len(x))), min(_MIN_SETTINGS, len(x)))
    # Slightly wider than the distance, which is 0 where the nearest points coincide.
    window = np.sort(distance, axis=1)[:, nearest - 1, None] * (1 + 1e-9) + 1e-12
    weights = np.clip(1 - (distance / window) ** 3, 0, None) ** 3
    weights /= weights.sum(axis=1, keepdims=True)
    centre = weights @ x
    deviation = x - centre[:, None]
    variance = (weights * deviation**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = ((weights * deviation) @ values) / variance[:, None]
    narrow = variance < (_NARROW * np.ptp(x)) ** 2
    slope[narrow | (variance == 0)] = 0
    fitted: Floats = weights @ values + slope * (levels - centre)[:, None]
    return fitted


def matched(values: pd.DataFrame) -> pd.DataFrame:
    """Average values at equal training loss over seeds.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> means = matched(along_curves(table))
    >>> means[["optimizer", "metric", "train_loss", "estimate", "n"]].head(2).round(3)
      optimizer      metric  train_loss  estimate  n
    0   adam_l2  test_error       0.476     0.461  5
    1     adamw  test_error       0.476     0.465  5

    Args:
        values: The result of `along_curves` or `over_settings`.

    Returns:
        Columns problem, optimizer, metric, train_loss; estimate, ci_low, ci_high, n (seeds).
    """
    return mean_over_seeds(values, [*GROUP, "metric", "train_loss"])


def matched_differences(values: pd.DataFrame) -> pd.DataFrame:
    """Return paired differences a − b at equal training loss, over shared seeds.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> differences = matched_differences(along_curves(table))
    >>> test_errors = differences[differences["metric"] == "test_error"]
    >>> test_errors[["a", "b", "train_loss", "estimate", "n"]].tail(2).round(3)
             a      b  train_loss  estimate  n
    6  adam_l2  adamw       0.353    -0.024  5
    7  adam_l2  adamw       0.336    -0.028  5

    Args:
        values: The result of `along_curves` or `over_settings`.

    Returns:
        One row per pair of optimizers, metric and level: a, b, problem, metric, train_loss;
        estimate, ci_low, ci_high, n (shared seeds).
    """
    return paired_differences(values, ["problem", "metric", "train_loss"])


def _to_long(tables: list[pd.DataFrame]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=_COLUMNS)
    wide = pd.concat(tables, ignore_index=True)
    long = wide.melt([*GROUP, "seed", "train_loss"], MATCHED_METRICS, "metric")
    return long.dropna(subset="value")[_COLUMNS].reset_index(drop=True)


def _at_lowest_loss(rows: pd.DataFrame) -> str:
    """Return how many pairs differ where the training loss is lowest."""
    judged = rows[rows["metric"] == rows["metric"].iloc[0]]
    at_lowest = judged[judged["train_loss"] == judged["train_loss"].min()]
    differ = (at_lowest["ci_low"] > 0) | (at_lowest["ci_high"] < 0)
    metric, loss = metric_phrase(judged["metric"].iloc[0]), judged["train_loss"].min()
    return f"{count_of_pairs(differ)} differ on {metric} at the lowest training loss, {loss:.2g}."


_HEADINGS = column_headings(train_loss="at training loss", estimate="a − b", n="seeds")

MATCHED_ALONG_CURVES = Measure(
    "matched_curves",
    "At equal training loss, along the run",
    "Differences a − b where runs of the best settings first reach a training loss, between one "
    "that all reach early and the lowest that all reach. Interpolated per run, paired over seeds. "
    "Intervals are not corrected for the number of comparisons.",
    lambda table: matched_differences(along_curves(table.with_paired_seeds)),
    _at_lowest_loss,
    "two optimizers with shared, paired seeds on one problem, and training losses that all reach",
    _HEADINGS,
    order=110,
)

MATCHED_OVER_SETTINGS = Measure(
    "matched_settings",
    "At equal training loss, over all settings",
    "Differences a − b at equal final training loss: a local linear regression over the settings "
    "of each optimizer and seed, at losses where all have settings; paired over seeds. Intervals "
    "are not corrected for the number of comparisons.",
    lambda table: matched_differences(over_settings(table.with_paired_seeds)),
    _at_lowest_loss,
    "two optimizers with shared, paired seeds and five settings each, whose training losses "
    "overlap",
    _HEADINGS,
    order=120,
)
