"""The probes of the weights against closed forms."""

import math

import pytest
import torch

from adamcmp.inspection import decay_probes as probes
from adamcmp.inspection.problem import weights
from adamcmp.inspection.torch_subject import TorchSubject
from tests.support import flawed_optimizers as flawed


def subject(cls, **settings):
    return TorchSubject(cls, settings)


def test_the_odd_part_is_the_decay():
    adamw = subject(torch.optim.AdamW, lr=0.01, weight_decay=0.5)
    gradients = [torch.ones(4, 4, dtype=torch.float64)] * 3
    odd = probes.odd_part(adamw, gradients, (1.0, 1.0, 0.5), scale=2.0)
    for t, multiplier in enumerate((1.0, 1.0, 0.5)):
        torch.testing.assert_close(odd[t], -0.01 * 0.5 * multiplier * 2 * weights((4, 4)))


def test_shares_at_every_size_of_weights_and_gradients():
    adamw = subject(torch.optim.AdamW, lr=0.01, weight_decay=0.5)
    for size, scale in ((1.0, 1.0), (100.0, 1.0), (1.0, 3.0)):
        shares = probes.shares(adamw, probes.LAST_QUARTER, size=size, scale=scale)
        expected = [0.005] * (probes.STEPS - 1) + [0.00125]
        assert shares == pytest.approx(expected, rel=1e-9)


def test_shares_of_l2_grow_with_the_momentum():
    """lr·wd·(1 + μ + … + μ^t): an L2 penalty enters the buffer with the gradient."""
    sgd = subject(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.2)
    expected = [0.02 * (1 - 0.9 ** (t + 1)) / 0.1 for t in range(probes.STEPS)]
    assert probes.shares(sgd) == pytest.approx(expected)


def test_a_multiple_of_the_weights():
    assert probes.is_multiple_of_weights(subject(torch.optim.AdamW))
    assert not probes.is_multiple_of_weights(subject(torch.optim.Adam, weight_decay=0.1))


def test_step_sizes():
    """Under constant gradients, steps of Adam have the size lr."""
    sizes = probes.step_sizes(subject(torch.optim.AdamW, lr=0.01), size=5.0)
    assert sizes == pytest.approx([0.01] * probes.STEPS, rel=1e-6)


def test_agreement_in_sign():
    agreeing, others = probes.share_by_agreement(subject(flawed.Masked, lr=0.1, weight_decay=0.5))
    assert (agreeing, others) == (pytest.approx(0.05), pytest.approx(0, abs=1e-12))


def test_whether_the_learning_rate_can_be_changed():
    assert probes.follows_schedule(subject(torch.optim.AdamW))
    assert not probes.follows_schedule(subject(flawed.FixedLr))


def test_constant_norms():
    assert probes.constant_norm(subject(flawed.RowNorms)) == "rows"
    assert probes.constant_norm(subject(torch.optim.AdamW)) is None
    # Moves that are too small to tell are no sign of a constant norm.
    assert probes.constant_norm(subject(torch.optim.SGD, lr=1e-18)) is None


def test_exponents():
    assert probes.exponent(2.0, 32.0, 2.0) == 4
    assert probes.exponent(2.0, 2.0 * 3**0.5, 3.0) == 0.5
    assert math.isnan(probes.exponent(0.0, 1.0, 2.0))
    assert math.isnan(probes.exponent(1.0, -1.0, 2.0))
