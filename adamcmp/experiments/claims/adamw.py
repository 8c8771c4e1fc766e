"""AdamW: the weights decay apart from the gradients."""

from __future__ import annotations

import torch

from adamcmp.experiments.claims._base import Claim, draws, largest, weights
from adamcmp.experiments.claims.adam import adam


def _factor() -> float:
    differences = []
    for n in draws():
        adamw = weights(adam("decoupled", n.lr, n.wd), n.theta, n.gradient)
        steps = weights(adam("none", n.lr), n.theta, n.gradient).diff(dim=0)
        differences.append(adamw[1:] - (adamw[:-1] * (1 - n.lr * n.wd) + steps))
    return largest(differences)


def _geometric() -> float:
    powers = torch.arange(21, dtype=torch.float64)[:, None]
    return largest(
        [
            weights(adam("decoupled", n.lr, n.wd, eps=1e-8), n.theta, lambda theta, _: 0 * theta)
            - n.theta * (1 - n.lr * n.wd) ** powers
            for n in draws()
        ]
    )


CLAIMS = (
    Claim("AdamW", "θ ← θ·(1 − η·wd) + the step of Adam for the same gradients", _factor),
    Claim("AdamW", "Without gradients, θ shrinks geometrically: θ·(1 − η·wd)^t", _geometric),
)
