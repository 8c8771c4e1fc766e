"""Properties of metrics: the measure of a problem, their direction and their range."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import BEST, METRICS, RUN_COLUMNS


def measure_of(runs: pd.DataFrame) -> str:
    """Return the measure by which runs of one problem are compared.

    >>> measure_of(pd.DataFrame({"test_error": [0.2, 0.3], "test_loss": [0.6, 0.8]}))
    'error'

    Args:
        runs: Runs of one problem.

    Returns:
        ``"error"`` for classification, ``"loss"`` for regression, which has no errors.
    """
    return "error" if runs["test_error"].notna().any() else "loss"


def value_range(metric: str) -> tuple[float, float]:
    """Return the smallest and the largest value that a metric can have.

    >>> value_range("test_error")
    (0.0, 1.0)
    """
    if "gap" in metric:
        return -np.inf, np.inf
    return 0.0, 1.0 if RUN_COLUMNS[metric].unit == "fraction" else np.inf


def higher_is_better(metric: str) -> bool:
    """Return whether larger values of a metric are better, as for accuracies.

    >>> higher_is_better("test_accuracy"), higher_is_better("test_error")
    (True, False)
    """
    return metric.endswith("accuracy")


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
