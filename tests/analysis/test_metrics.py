"""Properties of metrics."""

import math

import pytest

from adamcmp.analysis.metrics import check_metrics, higher_is_better, value_range
from adamcmp.errors import ConfigError
from adamcmp.storage.columns import METRICS


def test_ranges():
    assert value_range("best_val_accuracy") == value_range("test_error") == (0, 1)
    assert value_range("train_loss") == (0, math.inf)
    assert value_range("gap_error") == value_range("gap_loss") == (-math.inf, math.inf)


def test_directions():
    better = [metric for metric in METRICS if higher_is_better(metric)]
    assert better == ["train_accuracy", "val_accuracy", "test_accuracy"]


def test_unknown_metrics():
    check_metrics([*METRICS, "best_gap_loss"])
    with pytest.raises(ConfigError, match="Did you mean 'test_error'"):
        check_metrics(["test_eror"])
