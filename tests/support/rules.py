"""Rules with the settings of built-in yaml files, and their steps without a network."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from adamcmp.components.optimizers import Rule
from adamcmp.config import build_component, component_defaults

Tree = dict[str, Tensor]


def predefined(name: str, **settings: Any) -> Rule:
    """Return the optimizer of a built-in yaml file, with other values of some settings."""
    return build_component("optimizer", {**component_defaults("optimizer", name), **settings})


class Step(NamedTuple):
    """What a step computes: its updates, and the parameters and the state after it."""

    updates: Tree
    params: Tree
    state: Any


def rule_steps(
    rule: Rule, params: Tree, grads: Iterable[Tree], multipliers: Iterable[float] | None = None
) -> Iterator[Step]:
    """Yield the steps of a rule for given gradients.

    Args:
        rule: The rule with its coupling.
        params: The initial parameters.
        grads: The gradients of each step.
        multipliers: The schedule's multiplier of each step; None: 1.
    """
    chain = rule.chain()
    state = chain.init(params)
    hypers = {n: torch.tensor(v, dtype=torch.float64) for n, v in rule.hypers().items()}
    scheduled = iter(multipliers) if multipliers is not None else None
    for number, step_grads in enumerate(grads, start=1):
        multiplier = 1.0 if scheduled is None else next(scheduled)
        hypers["multiplier"] = torch.tensor(multiplier, dtype=torch.float64)
        step = torch.tensor(float(number), dtype=torch.float64)
        updates, state = chain.update(step_grads, state, params, hypers, step)
        params = {n: p + updates[n] for n, p in params.items()}
        yield Step(updates, params, state)
