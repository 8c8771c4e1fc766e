"""What update rules do with gradients."""

import pytest
import pytorch_optimizer
import schedulefree
import torch

from adamcmp.config import component_defaults
from adamcmp.inspection.rule_probes import UpdateRule, measure_rule
from adamcmp.inspection.rule_subject import RuleSubject
from adamcmp.inspection.torch_subject import TorchSubject
from tests.support import flawed_optimizers as flawed


def measured(cls, **settings):
    return measure_rule(TorchSubject(cls, settings))


def measured_rule(name, **settings):
    return measure_rule(RuleSubject(component_defaults("optimizer", name), settings))


def test_adam():
    assert measured(torch.optim.AdamW, eps=1e-5) == UpdateRule(
        gradient_exponent=0.0,
        momentum=True,
        lr_in_momentum=False,
        sign=False,
        eps=1e-5,
        eps_in_root=False,
        bias_correction=True,
        maximum_kept=False,
        squares_summed=False,
    )


def test_the_maximum_of_amsgrad():
    assert measured(torch.optim.Adam, amsgrad=True).maximum_kept is True
    assert measured_rule("amsgrad").maximum_kept is True


@pytest.mark.slow
def test_no_bias_correction():
    rule = measured(torch.optim.RMSprop)
    assert (rule.bias_correction, rule.momentum, rule.eps_in_root) == (False, False, False)


def test_eps_inside_the_root():
    assert measured_rule("rmsprop", eps_in_root=True).eps_in_root is True


def test_sums_of_squares():
    rule = measured(torch.optim.Adagrad)
    assert (rule.squares_summed, rule.maximum_kept, rule.bias_correction) == (True, False, None)


@pytest.mark.parametrize("inside", [False, True])
def test_lr_and_momentum(inside):
    rule = measured_rule("sgd", lr_in_momentum=inside)
    assert (rule.gradient_exponent, rule.momentum, rule.lr_in_momentum) == (1, True, inside)


def test_plain_sgd():
    rule = measured(torch.optim.SGD)
    assert (rule.gradient_exponent, rule.momentum, rule.eps) == (1, False, None)


def test_signs():
    for rule in (measured_rule("lion"), measured(pytorch_optimizer.Tiger)):
        assert rule.sign is True and rule.momentum is True and rule.eps_in_root is None


def test_rules_that_cannot_be_measured_at_weights_of_zero():
    assert measured(flawed.RowNorms) == UpdateRule()


def test_copies_of_the_weights():
    assert measured(schedulefree.AdamWScheduleFree) == UpdateRule(copies_weights=True)


@pytest.mark.slow
def test_decay_does_not_matter():
    assert measured_rule("adamw", weight_decay=0.5) == measured_rule("adam")
