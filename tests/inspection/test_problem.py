"""The weights and gradients of the probes."""

import pytest
import torch

from adamcmp.inspection.problem import (
    constant_gradient,
    opposed_gradients,
    random_gradients,
    weights,
)


@pytest.mark.parametrize("shape", [(4, 4), (16,)])
def test_halves(shape):
    theta, half = weights(shape), shape[0] // 2
    assert torch.equal(theta[:half], theta[half:])
    for gradient in [*opposed_gradients(shape, 3), constant_gradient(shape)]:
        assert torch.equal(gradient[:half], -gradient[half:])
        assert float((theta * gradient).sum()) == pytest.approx(0, abs=1e-12)


def test_sizes():
    (gradient,) = opposed_gradients((4, 4), 1, size=10.0)
    assert gradient.abs().min() >= 5 and gradient.abs().max() <= 15
    assert constant_gradient((4, 4), 3.0).abs().unique().tolist() == [3.0]
    assert len(random_gradients((4, 4), 5)) == 5
    assert not torch.equal(*opposed_gradients((4, 4), 2))
