"""A claim about an update rule, and what evaluates it: chains of rules on random numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adamcmp.components.optimizers import Rule

#: Maps the weights and the step, counted from 1, to a gradient.
Gradient = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class Claim:
    """A claim with the code that evaluates it.

    Attributes:
        topic: The optimizer that it concerns.
        text: The claim.
        deviation: Returns the largest difference between both sides of the claim.
        is_true: Whether it is true; some claims that are often read are false.
    """

    topic: str
    text: str
    deviation: Callable[[], float]
    is_true: bool = True


@dataclass(frozen=True)
class Numbers:
    """Random numbers for a claim.

    Attributes:
        lr: Learning rate η.
        wd: Coefficient of a penalty wd·Σθ², or of weight decay.
        gamma: Decay rate γ of a momentum.
        theta: Weights.
        gradients: Gradients of 20 steps.
    """

    lr: float
    wd: float
    gamma: float
    theta: Tensor
    gradients: Tensor

    def gradient(self, theta: Tensor, step: int) -> Tensor:
        """Return the gradient of a step, whatever the weights are."""
        return self.gradients[step - 1]


def float64(number: float) -> Tensor:
    """Return a number as a tensor of double precision."""
    return torch.tensor(number, dtype=torch.float64)


def draws(count: int = 10) -> list[Numbers]:
    """Return random numbers, the same in each call."""
    rng = np.random.default_rng(0)
    return [
        Numbers(
            lr=float(rng.uniform(0.01, 0.5)),
            wd=float(rng.uniform(0.01, 0.5)),
            gamma=float(rng.uniform(0.5, 0.95)),
            theta=torch.from_numpy(rng.normal(size=20)),
            gradients=torch.from_numpy(rng.normal(size=(20, 20))),
        )
        for _ in range(count)
    ]


def weights(rule: Rule, theta: Tensor, gradient: Gradient, steps: int = 20) -> Tensor:
    """Return the weights before the first step of a rule and after each step (steps + 1, ...)."""
    chain = rule.chain()
    hypers = {n: float64(value) for n, value in {**rule.hypers(), "multiplier": 1.0}.items()}
    state, path = chain.init({"w": theta}), [theta]
    for step in range(1, steps + 1):
        grads, params = {"w": gradient(path[-1], step)}, {"w": path[-1]}
        updates, state = chain.update(grads, state, params, hypers, float64(step))
        path.append(path[-1] + updates["w"])
    return torch.stack(path)


def largest(differences: list[Tensor]) -> float:
    """Return the largest absolute value of some tensors."""
    return max(float(difference.abs().max()) for difference in differences)
