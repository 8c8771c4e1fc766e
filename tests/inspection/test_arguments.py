"""Which setting is the coefficient, and which have no effect."""

import pytest
import pytorch_optimizer
import torch

from adamcmp.inspection.arguments import decay_argument, unused_settings
from adamcmp.inspection.decay import measure_decay
from adamcmp.inspection.torch_subject import TorchSubject
from tests.support import flawed_optimizers as flawed


def argument_of(cls, **settings):
    subject = TorchSubject(cls, settings)
    return decay_argument(subject, measure_decay(subject))[1]


@pytest.mark.parametrize(
    ("cls", "name", "factor"),
    [
        (flawed.SquaresWithoutHalf, "weight_decay", 2),
        (flawed.WrongSign, "weight_decay", -1),
        (flawed.AdamW, "ridge", 1),
    ],
)
def test_the_coefficient(cls, name, factor):
    argument = argument_of(cls, **{"lr": 0.05, name: 0.1})
    assert (argument.name, argument.value, argument.factor) == (name, 0.1, factor)


def test_other_settings_are_not_the_coefficient():
    assert argument_of(torch.optim.AdamW, lr=0.1, eps=1e-6, betas=(0.8, 0.9)) is None


@pytest.mark.slow
def test_whether_the_weights_decay_after_the_step():
    assert argument_of(flawed.AfterTheStep, weight_decay=0.1).after_step is True
    assert argument_of(torch.optim.AdamW, weight_decay=0.1).after_step is False
    assert argument_of(torch.optim.Adam, weight_decay=0.1).after_step is None


@pytest.mark.slow
def test_a_coefficient_that_a_momentum_accumulates():
    """NovoGrad: its first step decays by lr·wd."""
    subject = TorchSubject(pytorch_optimizer.NovoGrad, {"weight_decay": 0.1})
    decay, argument = decay_argument(subject, measure_decay(subject))
    assert (argument.factor, decay.follows_step, decay.accumulates) == (1, False, True)


def test_settings_without_effect():
    unused = unused_settings(TorchSubject(flawed.NeverApplied, {"weight_decay": 0.1, "lr": 0.01}))
    assert unused == ["weight_decay"]
    settings = {"weight_decay": 0.1, "eps": 1e-8, "amsgrad": False, "lr": 0.1}
    assert unused_settings(TorchSubject(torch.optim.Adam, settings)) == []
