"""Rules are ranked by their updates, with fitted hyperparameters."""

import pytest
import torch

from adamcmp.inspection.candidates import build_rule, candidates
from adamcmp.inspection.problem import random_gradients
from adamcmp.inspection.ranking import ranked_rules
from adamcmp.inspection.torch_subject import TorchSubject
from tests.support import flawed_optimizers as flawed

GRADIENTS, MULTIPLIERS = random_gradients((4, 4), 16), (1.0,) * 12 + (0.5,) * 4


def ranked(cls, rules, **settings):
    return ranked_rules(TorchSubject(cls, settings), rules, GRADIENTS, MULTIPLIERS)


def test_the_rule_itself_is_first():
    rules = [*candidates(0.01, {})]
    first = ranked(torch.optim.RMSprop, rules, centered=True)[0]
    assert (first.rule, first.centered, first.momentum) == ("rmsprop", True, 0.0)


def test_a_fitted_rule_is_first():
    rules = [build_rule(name, 0.001, {}) for name in ("sgd", "adam")]
    first = ranked(torch.optim.Adam, rules, betas=(0.8, 0.97))[0]
    assert first.rule == "adam" and first.betas == pytest.approx((0.8, 0.97))


def test_an_unknown_learning_rate():
    rules = [build_rule("sgd", 1.0, {"momentum": 0.0})]
    assert ranked(flawed.WithoutLr, rules)[0].lr == pytest.approx(0.1)


def test_nothing_to_rank_by():
    assert ranked(flawed.RowNorms, [*candidates(0.01, {})]) == []
