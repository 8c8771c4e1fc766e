"""SGD: the gradient of the penalty is weight decay (Loshchilov & Hutter 2019, Proposition 1)."""

from __future__ import annotations

import torch

from adamcmp.components.optimizers.sgd import SGD
from adamcmp.experiments.claims._base import Claim, draws, largest, weights


def sgd(coupling: str, lr: float, wd: float) -> SGD:
    """Return SGD without momentum."""
    settings = {"name": "sgd", "rule": "sgd", "momentum": 0.0}
    return SGD.model_validate({**settings, "coupling": coupling, "lr": lr, "weight_decay": wd})


def _penalty() -> float:
    # ∇(loss + wd·Σθ²) = g + 2wdθ, so θ − η·(g + 2wdθ) = θ·(1 − 2ηwd) − ηg.
    return largest(
        [
            weights(sgd("l2", n.lr, 2 * n.wd), n.theta, n.gradient, 1)[1]
            - (n.theta * (1 - 2 * n.lr * n.wd) - n.lr * n.gradients[0])
            for n in draws()
        ]
    )


def _proposition_1() -> float:
    # The gradient depends on the weights, so that a difference would grow.
    return largest(
        [
            weights(sgd("l2", n.lr, n.wd / n.lr), n.theta, lambda theta, _: torch.sin(theta))
            - weights(sgd("independent", n.lr, n.wd), n.theta, lambda theta, _: torch.sin(theta))
            for n in draws()
        ]
    )


CLAIMS = (
    Claim("SGD", "The penalty wd·Σθ² multiplies θ by 1 − η·2wd: θ ← θ·(1 − η·2wd) − η·g", _penalty),
    Claim("SGD", "Proposition 1: decay θ ← θ − wd·θ equals L2 with wd/η", _proposition_1),
)
