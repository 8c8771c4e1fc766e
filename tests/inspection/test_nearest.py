"""The nearest variant is the optimizer itself, where this package has it."""

import pytest
import pytorch_optimizer
import torch

from adamcmp.config import component_defaults
from adamcmp.inspection.candidates import build_rule
from adamcmp.inspection.decay import Decay, measure_decay
from adamcmp.inspection.nearest import equivalent_couplings, nearest_variant
from adamcmp.inspection.ranking import SAME
from adamcmp.inspection.rule_subject import RuleSubject
from adamcmp.inspection.torch_subject import TorchSubject
from tests.support import flawed_optimizers as flawed


def nearest(cls, **settings):
    subject = TorchSubject(cls, settings)
    return nearest_variant(subject, measure_decay(subject), None)


@pytest.mark.parametrize(
    ("cls", "settings", "rule", "coupling"),
    [
        (torch.optim.SGD, {"weight_decay": 0.1}, "sgd", "l2"),
        (torch.optim.AdamW, {"betas": (0.8, 0.97), "eps": 1e-4}, "adam", "decoupled"),
        (flawed.Twice, {"weight_decay": 0.1}, "rmsprop", "decoupled"),
    ],
)
def test_the_same_rule(cls, settings, rule, coupling):
    result = nearest(cls, **settings)
    assert (result.rule.rule, result.rule.coupling) == (rule, coupling)
    assert result.difference < SAME


@pytest.mark.parametrize(
    ("name", "settings", "other"),
    [
        ("sgd", {"coupling": "l2", "momentum": 0.0}, ("decoupled",)),
        ("sgd", {"coupling": "decoupled", "momentum": 0.0}, ("l2",)),
        ("schedulefree_sgd", {"coupling": "decoupled"}, ("l2",)),
        ("sgd", {"coupling": "l2"}, ()),
        ("adam", {"coupling": "decoupled"}, ()),
        ("sgd", {"coupling": "fixed", "momentum": 0.0}, ()),
    ],
)
def test_couplings_that_are_the_same(name, settings, other):
    rule = build_rule(name, 0.1, {**settings, "weight_decay": 0.1})
    assert equivalent_couplings(rule, (4, 4)) == other


def test_a_learning_rate_that_is_unknown():
    result = nearest(flawed.WithoutLr)
    assert result.rule.lr == pytest.approx(0.1) and result.difference < SAME


@pytest.mark.slow
def test_a_difference_says_how_far_another_rule_is():
    result = nearest(pytorch_optimizer.Yogi)
    assert 1e-3 < result.difference < 1


def test_an_optimizer_that_does_not_move():
    subject = RuleSubject(component_defaults("optimizer", "sgd"), {"lr": 0.0})
    assert nearest_variant(subject, Decay("none"), None) is None
