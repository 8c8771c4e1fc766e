"""The decay in bins of weights, on hand-made sums."""

import numpy as np
import pytest

from adamcmp.experiments.decay_per_weight import DecayPerWeight
from adamcmp.experiments.optimizer_choice import OptimizerChoice


def test_bins_are_in_the_order_of_the_gradients():
    gradient = np.array([3.0, 0.0, 1.0, 2.0, 4.0])
    square = np.array([1.0, 1.0, 2.0, 2.0, 3.0])
    change = np.array([0.1, 9.0, 0.8, 0.8, 0.3])
    measured = DecayPerWeight(OptimizerChoice.parse("adam"), "l2", gradient, change, square)
    size, decay = measured.binned(2)
    assert size.tolist() == [1.5, 3.5]
    assert decay == pytest.approx([1.6 / 4, 0.4 / 4])


def test_small_to_large():
    gradient = np.arange(1.0, 101.0)
    measured = DecayPerWeight(
        OptimizerChoice.parse("adam"), "l2", gradient, 1 / gradient, np.ones(100)
    )
    first, last = (1 / gradient[:10]).sum(), (1 / gradient[-10:]).sum()
    assert measured.small_to_large == pytest.approx(first / last)
