"""The selected setting of each optimizer, with its mean and interval over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adamcmp.analysis import estimates
from adamcmp.analysis.headlines import with_unit
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.measures.measure import Measure
from adamcmp.analysis.metrics import (
    check_metrics,
    higher_is_better,
    reported_metric,
    value_range,
)
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name, metric_phrase

#: The metrics of the table of best settings, in order.
REPORTED_METRICS = (
    *("test_error", "gap_error", "val_error", "train_error"),
    *("test_balanced_error", "gap_balanced_error", "val_balanced_error", "train_balanced_error"),
    *("test_loss", "gap_loss", "val_loss", "train_loss"),
    *("test_rmse", "gap_rmse", "val_rmse", "train_rmse"),
)


def best_settings(table: RunTable, metric: str | None = None) -> pd.DataFrame:
    """Return the selected setting of each optimizer, with its mean and 95 % interval over seeds.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> best_settings(table)[["optimizer", "lr", "wd", "metric", "estimate", "n"]].round(3)
      optimizer    lr    wd      metric  estimate  n
    0   adam_l2  0.01  0.01  test_error      0.22  5
    1     adamw  0.01  0.01  test_error      0.20  5

    Args:
        table: The runs.
        metric: A metric's column; None selects each problem's test error (regression: loss).

    Returns:
        Columns ``problem``, ``optimizer``, the setting columns, ``metric``, ``estimate``,
        ``ci_low`` and ``ci_high`` (clipped to the metric's range), ``n`` (completed seeds),
        ``diverged``, ``fresh``. If ``fresh`` is false, the mean is over the selection seeds
        and biased towards better values.

    Raises:
        ConfigError: If there is no such metric, or no validation split to select on.
    """
    check_metrics([metric] if metric else [])
    selected, rows = table.selected(), []
    for (problem, optimizer), group in selected.groupby(GROUP, sort=False):
        name = metric or reported_metric(selected[selected["problem"] == problem])
        by_seed = group.groupby("seed")[name].last().astype(float).dropna()
        values = np.asarray(by_seed, np.float64)
        mean = estimates.mean(values) if len(values) else estimates.NO_ESTIMATE
        lowest, highest = value_range(name)
        # A score that was imported as a loss may be below 0.
        lowest = -np.inf if (values < lowest).any() else lowest
        low, high = np.clip([float(mean.low), float(mean.high)], lowest, highest)
        rows.append(
            {
                **{"problem": problem, "optimizer": optimizer},
                **{c: group[c].iloc[0] for c in table.setting_columns},
                **{"metric": name, "estimate": float(mean.value), "ci_low": low, "ci_high": high},
                "n": len(values),
                "diverged": int((group["status"] == "diverged").sum()),
                "fresh": bool(group["fresh"].all()),
            }
        )
    return pd.DataFrame(rows)


def _all_metrics(table: RunTable) -> pd.DataFrame:
    """Return the best settings with the mean of every metric and its interval as columns."""
    summary = table.summary.copy()
    if summary.empty:
        return summary
    for metric in [metric for metric in REPORTED_METRICS if metric in summary]:
        interval = best_settings(table, metric)
        columns = {"": summary.pop(metric), "_ci_low": interval["ci_low"]}
        columns["_ci_high"] = interval["ci_high"]
        for suffix, values in columns.items():
            summary[metric + suffix] = values
    measures = {problem: table.metric(problem) for problem in table.problems}
    summary["metric"] = summary["problem"].map(measures)
    counts = ["metric", "seeds", "settings", "diverged", "fresh"]
    others = [c for c in summary if c not in counts and not str(c).endswith("_sd")]
    return summary[[*others, *counts]]


def _headline(rows: pd.DataFrame) -> str:
    metric = str(rows["metric"].iloc[0])
    if metric not in rows or rows[metric].isna().all():
        return "No optimizer has a completed run."
    ranked = rows.sort_values(metric, ascending=not higher_is_better(metric), kind="stable")
    best = ranked.iloc[0]
    value = with_unit(best[metric], metric)
    return f"Best {metric_phrase(metric)}: {display_name(best['optimizer'])}, {value}."


BEST_SETTINGS = Measure(
    "summary",
    "Best settings",
    "For each optimizer, the setting with the lowest mean validation error (regression: loss; or "
    "the metric of select=). "
    "Means over seeds with 95 % intervals (Student's t, "
    "clipped to the metric's range). The test set, if there is one, took no part in the "
    "selection. Fresh: the seeds took no part in the selection. If they did, errors look lower "
    "than they are.",
    _all_metrics,
    _headline,
    order=10,
)
