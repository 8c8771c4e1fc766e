"""A saved state of another optimizer is refused."""

import copy

import pytest
import torch

import adamcmp
from adamcmp.errors import ConfigError


def stepped(make):
    param = torch.nn.Parameter(torch.ones(2, 3))
    optimizer = make([param])
    param.grad = torch.ones(2, 3)
    optimizer.step()
    return optimizer


def ours(name, **settings):
    return lambda params: adamcmp.torch_optimizer(name, params, lr=0.1, **settings)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (torch.optim.AdamW, "its parameter groups lack base_lr"),
        (ours("sgd"), "its parameter groups lack beta"),
        (ours("adamw", coupling="l2"), "what it holds of parameter 0 has another structure"),
    ],
)
def test_another_optimizer(other, message):
    optimizer = stepped(ours("adamw", wd=0.1))
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ConfigError, match=rf"not one of adamw with coupling decoupled: {message}"):
        optimizer.load_state_dict(stepped(other).state_dict())
    assert str(optimizer.state_dict()) == str(before)
    optimizer.load_state_dict(before)
