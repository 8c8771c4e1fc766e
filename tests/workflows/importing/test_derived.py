"""Columns that follow from others."""

import math

import pandas as pd
import pytest

from adamcmp.workflows.importing.derived import add_derived


def derived(**columns):
    return add_derived(pd.DataFrame({name: [value] for name, value in columns.items()})).iloc[0]


@pytest.mark.parametrize("prefix", ["", "best_"])
def test_errors_accuracies_and_gaps(prefix):
    row = derived(**{f"{prefix}train_accuracy": 0.9, f"{prefix}test_error": 0.3})
    assert row[f"{prefix}train_error"] == pytest.approx(0.1)
    assert row[f"{prefix}test_accuracy"] == pytest.approx(0.7)
    assert row[f"{prefix}gap_error"] == pytest.approx(0.2)


def test_columns_of_the_file_stay():
    row = derived(train_loss=1.0, test_loss=3.0, gap_loss=7.0, step=10, epoch=5)
    assert row["gap_loss"] == 7 and row["epoch"] == 5
    assert derived(train_rmse=1.0, test_rmse=3.0)["gap_rmse"] == 2


def test_metrics_that_are_not_finite():
    row = derived(train_loss=1.0, test_loss=math.inf, test_error=math.inf)
    assert row["test_accuracy"] == math.inf and math.isnan(row["gap_loss"])


def test_epochs_follow_from_steps():
    assert derived(step=30, batch_size=10, train_examples=100)["epoch"] == 3
