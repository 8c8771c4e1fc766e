"""Adam: the gradient of a penalty is divided by the same numbers as the rest of the gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from adamcmp.components.optimizers.adam import Adam
from adamcmp.components.transformations import chain, scale_by_learning_rate, stateless
from adamcmp.experiments.claims._base import Claim, draws, float64, largest, weights


def adam(coupling: str, lr: float, wd: float = 0.0, eps: float = 0.0) -> Adam:
    """Return Adam, without ε by default."""
    settings = {"name": "adam", "rule": "adam", "eps": eps}
    return Adam.model_validate({**settings, "coupling": coupling, "lr": lr, "weight_decay": wd})


def _size_is_lost() -> float:
    # In the first step m̂/√v̂ = wd·θ/|wd·θ|.
    return largest(
        [
            weights(adam("l2", n.lr, n.wd), n.theta, lambda theta, _: 0 * theta, 1)[1]
            - (n.theta - n.lr * n.theta.sign())
            for n in draws()
        ]
    )


def _preconditioned(lr: float, s: Tensor, grad: Tensor) -> Tensor:
    """Return the step of a rule that divides the gradient by fixed numbers s."""
    rule = chain(
        stateless(lambda updates, params, hypers: {"w": updates["w"] / s}),
        scale_by_learning_rate(),
    )
    hypers = {"lr": float64(lr), "multiplier": float64(1)}
    params = {"w": torch.zeros_like(s)}
    updates, _ = rule.update({"w": grad}, rule.init(params), params, hypers, float64(1))
    return updates["w"]


def _needed_coefficients() -> float:
    differences = []
    for n in draws():
        s, g = n.gradients[1].abs() + 0.1, n.gradients[0]
        needed = n.wd * s / n.lr
        decayed = _preconditioned(n.lr, s, g) - n.wd * n.theta
        differences.append(_preconditioned(n.lr, s, g + needed * n.theta) - decayed)
    return largest(differences)


def _one_coefficient() -> float:
    """Return the smallest error of a single L2 coefficient over many, for two weights."""
    s, theta, decay, lr = torch.tensor([0.1, 10.0]).double(), torch.ones(2).double(), 0.1, 0.1
    coefficients = torch.logspace(-3, 3, 601).double()
    errors = [_preconditioned(lr, s, c * theta) + decay * theta for c in coefficients]
    return min(float(error.abs().max()) for error in errors)


def _proposition_3() -> float:
    # The gradient of wd/(2η)·Σ s·θ² is wd/η·s·θ.
    differences = []
    for n in draws():
        s, g = n.gradients[1].abs() + 0.1, n.gradients[0]
        theta = n.theta.clone().requires_grad_()
        penalty = n.wd / (2 * n.lr) * (theta * s.sqrt()).square().sum()
        (gradient,) = torch.autograd.grad(penalty, theta)
        decayed = _preconditioned(n.lr, s, g) - n.wd * n.theta
        differences.append(_preconditioned(n.lr, s, g + gradient) - decayed)
    return largest(differences)


CLAIMS = (
    Claim(
        "Adam",
        "With g = 0, the first step of Adam+L2 is −η·sign(θ), whatever wd > 0 is",
        _size_is_lost,
    ),
    Claim(
        "Adam",
        "Proposition 2: if g is divided by fixed s, decay by wd·θ needs the L2 coefficient wd·s/η",
        _needed_coefficients,
    ),
    Claim(
        "Adam",
        "One L2 coefficient gives weights with different s the decay wd·θ",
        _one_coefficient,
        is_true=False,
    ),
    Claim(
        "Adam",
        "Proposition 3: the penalty wd/(2η)·Σ s·θ² gives it, and is larger where s is large",
        _proposition_3,
    ),
)
