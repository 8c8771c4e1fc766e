"""Adafactor on gradients whose squares are below its ε1, against torch.optim.Adafactor."""

import torch

from tests.support.rules import predefined, rule_steps
from tests.support.tensors import assert_close


def test_the_mean_of_the_rows_is_bounded_below():
    """With a large d, so that clipping does not cancel a factor of all components."""
    eps1, d = 1e-4, 1e3
    rule = predefined("adafactor", eps1=eps1, d=d, lr=0.1, weight_decay=0.0)
    start = torch.ones(2, 2, dtype=torch.float64)
    grads = [scale * torch.tensor([[1.0, 2.0], [2.0, 5.0]]).double() for scale in (1e-3, 2e-3)]
    theirs = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.Adafactor([theirs], lr=0.1, eps=(eps1, rule.eps2), d=d)
    for step, grad in zip(
        rule_steps(rule, {"w": start}, [{"w": g} for g in grads]), grads, strict=True
    ):
        assert step.state[0]["row"]["w"].mean() < eps1
        theirs.grad = grad
        optimizer.step()
        assert_close(step.params, {"w": theirs.detach()})
