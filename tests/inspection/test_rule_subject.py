"""Rules of this package as black boxes."""

import pytest
import torch

from adamcmp import torch_optimizer
from adamcmp.config import component_defaults
from adamcmp.errors import ConfigError
from adamcmp.inspection.problem import random_gradients, weights
from adamcmp.inspection.rule_subject import RuleSubject
from adamcmp.inspection.torch_subject import TorchSubject

MULTIPLIERS = (1.0, 1.0, 0.5, 0.25)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_updates_are_those_of_the_torch_optimizer(name):
    settings = {"lr": 0.01, "weight_decay": 0.1}
    rule = RuleSubject(component_defaults("optimizer", name), settings)
    as_torch = TorchSubject(lambda params, **s: torch_optimizer(name, params, **s), settings)
    start, gradients = weights((4, 4)), random_gradients((4, 4), 4)
    for free in (False, True):
        updates, others = (
            each.updates(start, gradients, MULTIPLIERS, free=free) for each in (rule, as_torch)
        )
        torch.testing.assert_close(updates, others, rtol=1e-12, atol=0)


def test_settings():
    rule = RuleSubject(component_defaults("optimizer", "adamw"), {"lr": 0.5})
    assert (rule.lr, rule.with_lr(0.25).lr) == (0.5, 0.25)
    with pytest.raises(ConfigError, match="weight_decay=-1"):
        _ = rule.with_settings(weight_decay=-1.0).rule


def test_normalized_decay_depends_on_the_number_of_steps():
    settings = {"lr": 0.1, "weight_decay": 0.3, "normalized": True, "momentum": 0.0}
    rule = RuleSubject(component_defaults("optimizer", "sgdw"), settings)
    update = rule.updates(weights((4, 4)), [torch.zeros(4, 4)] * 9, (1.0,) * 9)[0]
    torch.testing.assert_close(update, -0.1 * 0.1 * weights((4, 4)))
