"""Fits find the hyperparameters that updates were computed with."""

import numpy as np
import pytest

from adamcmp.inspection.candidates import build_rule, updates_at_zero
from adamcmp.inspection.fitting import fitted
from adamcmp.inspection.problem import random_gradients


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("adam", {"betas": (0.8, 0.97), "eps": 0.03}),
        ("sgd", {"momentum": 0.62}),
        ("adadelta", {"rho": 0.7, "eps": 1e-3}),
    ],
)
def test_the_hyperparameters_are_found(name, settings):
    gradients, multipliers = random_gradients((4, 4), 16), (1.0,) * 12 + (0.5,) * 4
    target = updates_at_zero(build_rule(name, 0.1, settings), gradients, multipliers)
    size = float(target.square().mean().sqrt())

    def residuals(rule):
        return np.asarray((updates_at_zero(rule, gradients, multipliers) - target).flatten() / size)

    rule = fitted(build_rule(name, 0.1, {}), residuals)
    for field, value in settings.items():
        assert getattr(rule, field) == pytest.approx(value, rel=1e-3)
    assert np.abs(residuals(rule)).max() < 1e-6


def test_signs_are_kept():
    rule = fitted(build_rule("adafactor", 0.1, {}), lambda rule: np.zeros(3))
    assert rule.beta2_decay < 0


def test_a_rule_without_hyperparameters_is_unchanged():
    rule = build_rule("rprop", 0.1, {})
    assert fitted(rule, lambda rule: np.zeros(3)).rule == "rprop"
