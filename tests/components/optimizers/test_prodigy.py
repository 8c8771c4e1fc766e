"""Prodigy's estimate d of the distance, step by step, against the authors' package."""

from itertools import pairwise

import prodigyopt
import pytest
import torch

from tests.support.rules import predefined, rule_steps


def test_only_the_first_estimate_may_exceed_the_largest_growth():
    """d takes the first estimate above d0 at once, and then grows by at most `growth_rate`."""
    settings = {"lr": 1.0, "d_coef": 100.0, "growth_rate": 1.5, "weight_decay": 0.0}
    start = torch.ones(1, dtype=torch.float64)
    rule = predefined("prodigy", **settings)
    steps = rule_steps(rule, {"w": start}, [{"w": torch.ones_like(start)}] * 8)
    theirs = torch.nn.Parameter(start.clone())
    optimizer = prodigyopt.Prodigy([theirs], **settings)
    distances = []
    for step in steps:
        theirs.grad = torch.ones_like(start)
        optimizer.step()
        distances.append(step.state[0]["d"].item())
        assert distances[-1] == pytest.approx(optimizer.param_groups[0]["d"], rel=1e-12)
    growth = [after / before for before, after in pairwise(distances)]
    assert growth[0] > 100
    assert growth[1:] == pytest.approx([1.5] * 6)
