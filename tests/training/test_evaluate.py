"""Evaluations: splits without examples, regression, subsets."""

import pytest

from tests.support.training import trained


def test_without_validation_all_examples_are_trained_on(specs):
    (spec,) = specs(["dataset.validation=0", "steps=4", "eval.every_steps=2"])
    outcome = trained(spec)
    row = outcome.runs[0]
    assert row["train_examples"] == 4000
    assert (
        row.get("val_loss") is None and row["best_step"] is None and row["best_test_error"] is None
    )
    assert row["test_error"] is not None


def test_regression_has_losses_only(specs):
    (spec,) = specs(["dataset=teacher", "dataset.task=regression", "loss=mse", "steps=3"])
    row = trained(spec).runs[0]
    assert row["test_error"] is None and row["gap_error"] is None
    assert row["gap_loss"] == pytest.approx(row["test_loss"] - row["train_loss"])


def test_train_metrics_on_a_subset(specs):
    (some,) = specs(["steps=2", "eval.train_examples=50"])
    (every,) = specs(["steps=2"])
    errors = [trained(spec).runs[0]["train_error"] for spec in (some, every)]
    assert errors[0] != errors[1] and round(errors[0] * 50, 9) == round(errors[0] * 50)
