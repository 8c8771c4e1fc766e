"""LAMB on weights and steps of norm zero."""

import pytest
import torch

from adamcmp.components.optimizers.lamb import scale_to_weights

HYPERS = {"lr": torch.tensor(0.5), "multiplier": torch.tensor(1.0)}


@pytest.mark.parametrize(
    ("weights", "update"), [([0.0, 0.0], [3.0, 4.0]), ([3.0, 4.0], [0.0, 0.0])]
)
def test_a_step_is_not_scaled_if_a_norm_is_zero(weights, update):
    params, updates = {"w": torch.tensor(weights)}, {"w": torch.tensor(update)}
    scaled, _ = scale_to_weights().update(updates, {}, params, HYPERS, torch.tensor(1.0))
    assert scaled["w"].tolist() == update
