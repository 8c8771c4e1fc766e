"""The coefficient of an L2 penalty."""

import pytest
import torch

from adamcmp.config import component_defaults
from adamcmp.inspection.l2_probes import cautious_l2_coefficient, l2_coefficient
from adamcmp.inspection.rule_subject import RuleSubject
from adamcmp.inspection.torch_subject import TorchSubject


def subject(cls, **settings):
    return TorchSubject(cls, settings)


def test_the_coefficient_of_l2_is_where_the_gradient_cancels_it():
    for wd in (1e-6, 0.03, 7.0):
        adam = subject(torch.optim.Adam, weight_decay=wd)
        assert l2_coefficient(adam) == pytest.approx(wd, rel=1e-7)
    assert l2_coefficient(subject(torch.optim.AdamW, weight_decay=0.1)) is None
    assert l2_coefficient(subject(torch.optim.Adam)) is None


def test_a_penalty_where_gradient_and_weight_agree():
    settings = {"coupling": "l2", "weight_decay": 0.03, "cautious": True}
    adam = RuleSubject(component_defaults("optimizer", "adam"), settings)
    assert cautious_l2_coefficient(adam) == pytest.approx(0.03, rel=1e-6)
    assert l2_coefficient(adam) is None
