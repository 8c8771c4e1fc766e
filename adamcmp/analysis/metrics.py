"""Properties of metrics: the measure of a problem, their direction and their range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import BASE_METRICS, BEST, METRICS, RUN_COLUMNS


def measure_of(runs: pd.DataFrame) -> str:
    """Return the measure by which runs of one problem are compared.

    It is that of the setting ``select``, if all runs have the same one.

    >>> measure_of(pd.DataFrame({"test_error": [0.2, 0.3], "test_loss": [0.6, 0.8]}))
    'error'

    Args:
        runs: Runs of one problem.

    Returns:
        By default ``"error"`` for classification, ``"loss"`` for regression, which has no errors.
    """
    selects = list(runs["select"].unique()) if "select" in runs else []
    if len(selects) == 1 and isinstance(selects[0], str):
        return selects[0]
    return "error" if runs[f"{reported_split(runs)}_error"].notna().any() else "loss"


def reported_split(runs: pd.DataFrame) -> str:
    """Return the split on which runs of one problem are compared.

    >>> reported_split(pd.DataFrame({"val_loss": [0.6], "test_loss": [None]}))
    'val'

    Returns:
        ``"test"``; ``"val"`` for imported runs that have validation metrics but no test metrics.
    """
    test, val = (
        any(runs[c].notna().any() for c in (f"{split}_{m}" for m in BASE_METRICS) if c in runs)
        for split in ("test", "val")
    )
    return "val" if val and not test else "test"


def reported_metric(runs: pd.DataFrame) -> str:
    """Return the metric by which runs of one problem are compared, by default the test error.

    >>> reported_metric(pd.DataFrame({"test_error": [0.2, 0.3], "test_loss": [0.6, 0.8]}))
    'test_error'
    """
    return f"{reported_split(runs)}_{measure_of(runs)}"


def value_range(metric: str) -> tuple[float, float]:
    """Return the smallest and the largest value that a metric can have.

    >>> value_range("test_error")
    (0.0, 1.0)
    """
    if "gap" in metric:
        return -np.inf, np.inf
    if metric.endswith("r2"):
        return -np.inf, 1.0
    return 0.0, 1.0 if RUN_COLUMNS[metric].unit == "fraction" else np.inf


def higher_is_better(metric: str) -> bool:
    """Return whether larger values of a metric are better, as for accuracies and R².

    >>> higher_is_better("test_accuracy"), higher_is_better("test_error")
    (True, False)
    """
    return metric.endswith(("accuracy", "r2"))


def of_measure(runs: pd.DataFrame, measures: Mapping[str, str], split: str) -> pd.Series[float]:
    """Return each run's value of the measure of its problem.

    Args:
        runs: Labelled runs.
        measures: The measure of each problem.
        split: ``"val"`` or ``"test"``.
    """
    values = pd.Series(np.nan, runs.index)
    for problem, measure in measures.items():
        rows = runs["problem"] == problem
        values[rows] = runs.loc[rows, f"{split}_{measure}"].astype(float)
    return values


def check_metrics(metrics: Iterable[str]) -> None:
    """Check that metrics exist.

    Raises:
        ConfigError: If a metric is unknown; the message suggests the nearest one.
    """
    known = (*METRICS, *BEST)
    for metric in metrics:
        if metric not in known:
            raise ConfigError(
                f"There is no metric {metric!r}.{nearest(metric, known)} The metrics are "
                f"{', '.join(METRICS)}, and each of these with the prefix best_."
            )
