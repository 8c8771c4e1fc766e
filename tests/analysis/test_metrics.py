"""Properties of metrics."""

import math

import pandas as pd
import pytest

from adamcmp.analysis.metrics import check_metrics, higher_is_better, measure_of, value_range
from adamcmp.errors import ConfigError
from adamcmp.storage.columns import METRICS


def test_ranges():
    assert value_range("best_val_accuracy") == value_range("test_error") == (0, 1)
    assert value_range("test_r2") == (-math.inf, 1)
    assert value_range("test_rmse") == value_range("train_loss") == (0, math.inf)
    assert value_range("gap_error") == value_range("gap_loss") == (-math.inf, math.inf)


def test_directions():
    better = [metric for metric in METRICS if higher_is_better(metric)]
    splits = ("train", "val", "test")
    assert better == [f"{split}_{metric}" for split in splits for metric in ("accuracy", "r2")]


def test_the_selected_measure():
    runs = pd.DataFrame({"test_error": [0.2, 0.3], "test_balanced_error": [0.4, 0.5]})
    assert measure_of(runs) == measure_of(runs.assign(select=None)) == "error"
    assert measure_of(runs.assign(select="balanced_error")) == "balanced_error"
    assert measure_of(runs.assign(select=["balanced_error", None])) == "error"


def test_unknown_metrics():
    check_metrics([*METRICS, "best_gap_loss"])
    with pytest.raises(ConfigError, match="Did you mean 'test_error'"):
        check_metrics(["test_eror"])
