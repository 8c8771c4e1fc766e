"""How much a rule amplifies a constant gradient in the long run."""

from __future__ import annotations

import math

import torch

from adamcmp.components.optimizers import Rule

#: After this many steps a buffer with μ = 0.99 differs from its limit by 2e-9 of it.
STEPS = 2000
CHECK_EVERY = 50
GRADIENTS = (1.0, 2.0, -4.0)


@torch.no_grad()
def long_run_gain(rule: Rule) -> float | None:
    """Return a rule's step for a constant gradient in the long run, divided by −lr·gradient.

    It is 1 for SGD, and 1/(1 − μ) for a momentum buffer b ← μ·b + g, which sums a geometric series.
    A penalty's gradient wd·θ hardly changes from step to step, so in the long run it decays the
    weights as much as decoupled decay with the coefficient gain·wd.

    >>> from adamcmp.config import build_component
    >>> settings = {"name": "sgd", "rule": "sgd", "coupling": "none", "lr": 0.1}
    >>> long_run_gain(build_component("optimizer", {**settings, "momentum": 0.5}))
    2.0

    Returns:
        None if the step is not proportional to the gradient, as in adaptive rules: then no
        decoupled coefficient corresponds to the penalty.
    """
    rule = rule.model_copy(update={"coupling": "none", "weight_decay": 0.0})
    grads = {str(g): torch.full((1, 1), g, dtype=torch.float64) for g in GRADIENTS}
    params = {name: torch.zeros_like(g) for name, g in grads.items()}
    numbers = {**rule.hypers(STEPS), "multiplier": 1.0}
    hypers = {name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()}
    chain = rule.chain()
    state, gain = chain.init(params), math.nan
    for step in range(1, STEPS + 1):
        count = torch.tensor(float(step), dtype=torch.float64)
        updates, state = chain.update(grads, state, params, hypers, count)
        if step % CHECK_EVERY == 0:
            gains = [-updates[name].item() / (rule.lr * g.item()) for name, g in grads.items()]
            gain = gains[0]
            if not max(gains) - min(gains) <= 1e-9 * abs(gain):  # true for NaN
                return None
    return float(f"{gain:.8g}")  # without the rest of the series
