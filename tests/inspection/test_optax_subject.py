"""Optax transformations as black boxes."""

import pytest
import torch

from adamcmp.inspection.decay import measure_decay
from adamcmp.inspection.problem import random_gradients, weights
from adamcmp.inspection.torch_subject import TorchSubject
from adamcmp.workflows.inspect import inspect_optimizer, subject_of

#: Importing JAX takes a second.
pytestmark = pytest.mark.slow


def test_updates_are_those_of_torch():
    ours = subject_of("optax.adamw", {"learning_rate": 0.01, "weight_decay": 0.1})
    torchs = TorchSubject(torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1})
    gradients = random_gradients((4, 4), 4)
    for free in (False, True):
        updates, others = (
            each.updates(weights((4, 4)), gradients, (1.0, 1.0, 0.5, 0.25), free=free)
            for each in (ours, torchs)
        )
        torch.testing.assert_close(updates, others, rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("name", "settings", "coupling"),
    [
        ("adamw", {"weight_decay": 0.1}, "decoupled"),
        ("lion", {"weight_decay": 0.1}, "decoupled"),
        ("lamb", {"weight_decay": 0.1}, "decoupled"),
        ("adam", {}, "none"),
        ("sgd", {"momentum": 0.9}, "none"),
    ],
)
def test_couplings(name, settings, coupling):
    assert measure_decay(subject_of(f"optax.{name}", settings)).coupling == coupling


def test_a_whole_inspection():
    result = inspect_optimizer("optax.adamw", ["weight_decay=0.1"])
    assert (result.coupling, result.exact, result.argument.name) == (
        "decoupled", True, "weight_decay",
    )  # fmt: skip
    assert result.nearest[0] == "optimizer=adamw" and result.difference < 1e-9


def test_learning_rate():
    adamw = subject_of("optax.adamw", {})
    assert (adamw.lr, adamw.with_lr(0.5).lr) == (0.001, 0.5)
    assert subject_of("optax.scale_by_adam", {}).with_lr(0.5) is None
