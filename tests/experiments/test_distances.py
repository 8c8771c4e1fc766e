"""Distances of hand-made weights."""

import numpy as np
import pytest
import torch

from adamcmp.experiments.distances import Coefficients, compared_steps, form_distances
from adamcmp.experiments.optimizer_choice import OptimizerChoice


def test_distances():
    l2 = torch.tensor([[3.0, 4.0], [0.0, 10.0]], dtype=torch.float64)
    decoupled = torch.stack([l2 + 1, l2 * 1.1, l2 * 1.01, l2 * torch.nan])
    coefficients = Coefficients(0.1, None, 0.1, np.array([0.2, 0.4]))
    measured = form_distances(
        OptimizerChoice.parse("adam"), 0.01, coefficients, [1, 2], l2, decoupled
    )
    assert measured.distance == pytest.approx([0.1, 0.1])
    assert measured.share == pytest.approx([0.5 / 2**0.5, 1 / 2**0.5])
    assert measured.last_share == pytest.approx([0.1 / 2**0.5, np.inf])
    assert measured.closest == pytest.approx((0.2, 0.1 / 2**0.5))
    assert measured.has_effect and not measured.is_rounding


def test_rounding_and_no_effect():
    l2 = torch.ones(2, 3, dtype=torch.float64)
    coefficients = Coefficients(0.1, 1.0, 0.1, np.array([0.2]))
    decoupled = torch.stack([l2, l2 * (1 + 1e-15), l2])
    measured = form_distances(
        OptimizerChoice.parse("sgd"), 0.1, coefficients, [1, 2], l2, decoupled
    )
    assert measured.is_rounding and not measured.has_effect


@pytest.mark.parametrize("steps", [1, 2, 10, 99, 200])
def test_compared_steps(steps):
    chosen = compared_steps(steps)
    assert chosen[0] == 1 and chosen[-1] == steps and chosen == sorted(set(chosen))
    assert {10**k for k in range(3) if 10**k <= steps} <= set(chosen)
