"""The problem that optimizers are compared on, and how they are trained on it.

Everything is in float64. The lr moves in every step, and gradients depend on the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_optimizer import SAM
from torch import Tensor, nn

from adamcmp.components.optimizers import Rule
from adamcmp.components.wrappers import sam_ascent
from adamcmp.config import build_component

STEPS = 200
SHAPES = {"matrix": (4, 3), "bias": (4,), "kernel": (2, 3, 2), "number": ()}
ROLES = {
    "matrix": "matrices",
    "bias": "biases_norms",
    "kernel": "matrices",
    "number": "biases_norms",
}
#: The schedule's multipliers: a warm-up, then half a cosine. None is 0.
MULTIPLIERS = [
    min((t + 1) / 10, 1) * (0.55 + 0.45 * math.cos(math.pi * t / STEPS)) for t in range(STEPS)
]
#: The coefficient of the decay in each coupling, as a function of s, lr and wd.
COEFFICIENTS: dict[str, Callable[[float, float, float], float]] = {
    "decoupled": lambda s, lr, wd: s * lr * wd,
    "independent": lambda s, lr, wd: s * wd,
    "fixed": lambda s, lr, wd: wd,
    "corrected": lambda s, lr, wd: s * s * lr * wd,
}

Tree = dict[str, Tensor]


class Problem:
    """A quadratic with noise, whose parameters have gradients of different scales.

    Args:
        names: Which of the parameters it has.
        steps: How many steps optimizers are trained, at most `STEPS`.

    Attributes:
        start: The initial weights by name.
        dtype: The type of the weights.
    """

    dtype = torch.float64

    def __init__(self, names: Iterable[str] = SHAPES, steps: int = STEPS) -> None:
        self.steps = steps
        generator = torch.Generator().manual_seed(0)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        start = {name: normal(*shape) for name, shape in SHAPES.items()}
        noise = {name: normal(STEPS, *shape) for name, shape in SHAPES.items()}
        scales = dict(zip(SHAPES, (1e-2, 10.0, 1.0, 100.0), strict=True))
        self.start = {name: start[name] for name in names}
        self._noise = {name: noise[name] for name in names}
        self._scales = scales

    def gradient(self, t: int, name: str, param: Tensor) -> Tensor:
        """Return the gradient of a parameter in step t, counted from 0."""
        return self._scales[name] * (param + 2 + self._noise[name][t])


#: Called with the multiplier s, the weights before a step and those after it; changes the latter.
AfterStep = Callable[[float, Tree, Tree], None]


def trained_by_rule(settings: dict[str, Any], problem: Problem) -> Tree:
    """Return the weights after training with one of our rules, and those that are evaluated."""
    rule = build_component("optimizer", {"name": "x", **settings})
    assert isinstance(rule, Rule)
    params = problem.start
    groups = rule.parameter_groups({name: ROLES[name] for name in params})
    chains = [rule.group_chain(group) for group in groups]
    states = [
        chain.init({name: params[name] for name in group.names})
        for group, chain in zip(groups, chains, strict=True)
    ]
    hypers = {k: torch.tensor(v, dtype=torch.float64) for k, v in rule.hypers(STEPS).items()}
    for t, multiplier in enumerate(MULTIPLIERS[: problem.steps]):
        hypers["multiplier"] = torch.tensor(multiplier, dtype=torch.float64)
        step = torch.tensor(t + 1.0, dtype=torch.float64)
        updates: Tree = {}
        grads = {name: problem.gradient(t, name, p) for name, p in params.items()}
        if rule.sam_rho:
            ascent = sam_ascent(grads, params, hypers, adaptive=rule.sam_adaptive)
            grads = {
                name: problem.gradient(t, name, p + ascent[name]) for name, p in params.items()
            }
        for i, (group, chain) in enumerate(zip(groups, chains, strict=True)):
            update, states[i] = chain.update(
                {name: grads[name] for name in group.names},
                states[i],
                {name: params[name] for name in group.names},
                rule.group_hypers(group, hypers),
                step,
            )
            updates |= update
        params = {name: p + updates[name] for name, p in params.items()}
    evaluated: Tree = {}
    for group, chain, state in zip(groups, chains, states, strict=True):
        part = {name: params[name] for name in group.names}
        evaluated |= {
            f"{name}, evaluated": p for name, p in chain.evaluation_params(part, state).items()
        }
    return params | evaluated


def trained_by_oracle(
    create: Callable[..., torch.optim.Optimizer],
    problem: Problem,
    lr: float,
    *,
    penalized: Callable[[Tensor, Tensor], Tensor] | None = None,
    after_step: AfterStep | None = None,
) -> Tree:
    """Return the weights after training with a torch optimizer, and those that are evaluated.

    Args:
        create: Called with the list of parameters.
        problem: The problem.
        lr: Base learning rate.
        penalized: Maps a parameter and its gradient to the gradient with an L2 penalty.
        after_step: Changes the weights after each step.
    """
    params = {name: nn.Parameter(p.clone()) for name, p in problem.start.items()}
    with _precision(problem.dtype):
        optimizer = create(list(params.values()))
        for t, multiplier in enumerate(MULTIPLIERS[: problem.steps]):
            before = {name: p.detach().clone() for name, p in params.items()}

            def evaluate(t: int = t) -> None:
                for name, p in params.items():
                    p.grad = problem.gradient(t, name, p.detach().clone())

            evaluate()
            if penalized is not None:
                for name, p in params.items():
                    p.grad = penalized(before[name], p.grad)
            for group in optimizer.param_groups:
                group["lr"] = multiplier * group.get("lr_scale", 1.0) * lr
            optimizer.step(evaluate if isinstance(optimizer, SAM) else None)
            if after_step is not None:
                with torch.no_grad():
                    after_step(multiplier, before, dict(params))
        trained = {name: p.detach().clone() for name, p in params.items()}
        if hasattr(optimizer, "eval"):
            optimizer.eval()
    return trained | {f"{name}, evaluated": p.detach() for name, p in params.items()}


@contextmanager
def _precision(dtype: torch.dtype) -> Iterator[None]:
    """Let torch keep scalars of an optimizer's state, such as NAdam's, in a type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def relative_difference(actual: Tree, expected: Tree) -> float:
    """Return the largest relative difference in norm of any tensor."""
    return max(
        float((actual[name] - p).norm() / p.norm().clamp(min=1e-300))
        for name, p in expected.items()
    )
