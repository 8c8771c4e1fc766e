"""Optax transformations as black boxes."""

import pytest
import torch

optax = pytest.importorskip("optax")

from adamcmp.inspection.decay import measure_decay  # noqa: E402
from adamcmp.inspection.optax_subject import OptaxSubject  # noqa: E402
from adamcmp.inspection.problem import random_gradients, weights  # noqa: E402
from adamcmp.inspection.subjects import TorchSubject  # noqa: E402


@pytest.mark.slow
def test_updates_are_those_of_torch():
    ours = OptaxSubject(optax.adamw, {"learning_rate": 0.01, "weight_decay": 0.1})
    torchs = TorchSubject(torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1})
    gradients = random_gradients((4, 4), 4)
    updates, others = (
        each.updates(weights((4, 4)), gradients, (1.0, 1.0, 0.5, 0.25)) for each in (ours, torchs)
    )
    torch.testing.assert_close(updates, others, rtol=1e-9, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings", "coupling"),
    [
        ("adamw", {"weight_decay": 0.1}, "decoupled"),
        ("lion", {"weight_decay": 0.1}, "decoupled"),
        ("adam", {}, "none"),
        ("add_decayed_weights", {"weight_decay": 0.1}, "l2"),
    ],
)
def test_couplings(name, settings, coupling):
    assert measure_decay(OptaxSubject(getattr(optax, name), settings)).coupling == coupling


def test_learning_rate():
    assert OptaxSubject(optax.adamw, {}).lr == 0.001
    assert OptaxSubject(optax.adamw, {}).with_lr(0.5).lr == 0.5
    assert OptaxSubject(optax.scale_by_adam, {}).with_lr(0.5) is None
