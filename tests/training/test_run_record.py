"""The rows of a run, and its hyperparameters."""

import pytest

from adamcmp.components.schedules import Horizon
from adamcmp.training.run_record import unscheduled_hypers
from tests.support.training import trained


def test_best_metrics_are_those_of_the_best_validation_error(specs):
    (spec,) = specs(["lr=0.03", "steps=200", "eval.every_steps=10"])
    outcome = trained(spec)
    best = min(outcome.metrics, key=lambda m: (m["val_error"], m["val_loss"]))
    row = outcome.runs[0]
    assert row["best_step"] == best["step"] and row["best_test_error"] == best["test_error"]


@pytest.mark.parametrize("measure", ["loss", "balanced_error"])
def test_best_metrics_are_those_of_the_selected_measure(measure, specs):
    (spec,) = specs(["lr=0.03", "steps=200", "eval.every_steps=10", f"select={measure}"])
    outcome = trained(spec)
    best = min(outcome.metrics, key=lambda m: (m[f"val_{measure}"], m["val_loss"]))
    row = outcome.runs[0]
    assert row["best_step"] == best["step"] and row["select"] == measure


def test_norms_and_lr_in_metrics(specs):
    (spec,) = specs(["optimizer=sgd", "optimizer.momentum=0", "wd=0", "lr=0.1", "schedule=constant",
                     "steps=3", "eval.every_steps=1"])  # fmt: skip
    start, *after = trained(spec).metrics
    assert start.get("grad_norm") is None and start["param_norm"] > 0
    for row in after:
        assert row["update_norm"] == pytest.approx(0.1 * row["grad_norm"], rel=1e-4)
        assert row["lr"] == 0.1


def test_normalized_decay_has_the_value_of_the_paper(specs):
    """λ_norm 0.025, b = 128, B = 50,000, T = 100 epochs: λ = 1.265e-4."""
    (spec,) = specs(["optimizer.normalized=true", "wd=0.025"])
    assert unscheduled_hypers(spec.config, Horizon(round(50_000 * 100 / 128), 50_000 / 128))[
        "weight_decay"
    ] == pytest.approx(1.265e-4, rel=1e-3)
