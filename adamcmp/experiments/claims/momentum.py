"""Momentum v ← γ·v + (1 − γ)·g, θ ← θ − η·v: a penalty decays at once and later through v."""

from __future__ import annotations

import torch
from torch import Tensor

from adamcmp.components.optimizers.sgd import SGD
from adamcmp.experiments.claims._base import Claim, Numbers, draws, largest, weights


def average(coupling: str, numbers: Numbers, wd: float) -> SGD:
    """Return SGD with momentum as an exponential average."""
    settings = {"name": "sgd", "rule": "sgd", "average": True, "momentum": numbers.gamma}
    return SGD.model_validate(
        {**settings, "coupling": coupling, "lr": numbers.lr, "weight_decay": wd}
    )


def _factor(coupling: str, n: Numbers) -> Tensor:
    """Return what the second step multiplies θ by, apart from its gradient and the former v."""
    before, theta, after = weights(average(coupling, n, 2 * n.wd), n.theta, n.gradient, 2)
    v = (before - theta) / n.lr
    if coupling == "decoupled":  # decay is not part of v
        v = (before * (1 - n.lr * 2 * n.wd) - theta) / n.lr
    factor: Tensor = (after + n.lr * (n.gamma * v + (1 - n.gamma) * n.gradients[1])) / theta
    return factor


def _l2_at_once() -> float:
    return largest([_factor("l2", n) - (1 - n.lr * (1 - n.gamma) * 2 * n.wd) for n in draws()])


def _decay_at_once() -> float:
    return largest([_factor("decoupled", n) - (1 - n.lr * 2 * n.wd) for n in draws()])


def _swapped() -> float:
    return largest(
        [
            torch.stack(
                [
                    _factor("l2", n) - (1 - n.lr * 2 * n.wd),
                    _factor("decoupled", n) - (1 - n.lr * (1 - n.gamma) * 2 * n.wd),
                ]
            )
            for n in draws()
        ]
    )


def _later_decay(n: Numbers, steps: int) -> Tensor:
    """Return how each step moves θ because of a penalty that exists in the first step only."""
    rule = average("none", n, 0.0)
    none = torch.zeros_like(n.theta)
    path = weights(rule, n.theta, lambda _, t: 2 * n.wd * n.theta if t == 1 else none, steps)
    return -path.diff(dim=0)


def _through_v() -> float:
    powers = torch.arange(20).double()[:, None]
    return largest(
        [
            _later_decay(n, 20) - n.lr * (1 - n.gamma) * n.gamma**powers * 2 * n.wd * n.theta
            for n in draws()
        ]
    )


def _in_total() -> float:
    return largest([_later_decay(n, 1000).sum(0) - n.lr * 2 * n.wd * n.theta for n in draws(1)])


def _dampening() -> float:
    differences = []
    for n in draws():
        n.gradients[0] = 0  # torch's buffer starts at g instead of (1 − γ)·g
        dampened = average("none", n, 0.0).model_copy(
            update={"average": False, "dampening": n.gamma}
        )
        paths = [weights(rule, n.theta, n.gradient) for rule in (average("none", n, 0.0), dampened)]
        differences.append(paths[0] - paths[1])
    return largest(differences)


CLAIMS = (
    Claim(
        "momentum",
        "The penalty wd·Σθ² multiplies θ by 1 − η(1 − γ)·2wd in the same step",
        _l2_at_once,
    ),
    Claim(
        "momentum",
        "k steps later, it still moves θ through v: by −η(1 − γ)γ^k·2wd·θ",
        _through_v,
    ),
    Claim("momentum", "In total, the penalty of one step moves θ by −η·2wd·θ", _in_total),
    Claim(
        "momentum",
        "Weight decay multiplies θ by 1 − η·2wd in the same step, and v stays the same",
        _decay_at_once,
    ),
    Claim(
        "momentum",
        "The other way round: 1 − η·2wd with the penalty, 1 − η(1 − γ)·2wd with decay",
        _swapped,
        is_true=False,
    ),
    Claim(
        "momentum",
        "After a first gradient of 0, torch's SGD(momentum=γ, dampening=γ) is the same rule",
        _dampening,
    ),
)
