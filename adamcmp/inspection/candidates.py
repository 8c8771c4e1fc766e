"""The update rules of this package as candidates for what an optimizer is.

The candidates are the registry's rules with all values of their options, so that a new rule is one
without being named here.
"""

from __future__ import annotations

import itertools
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from adamcmp.components.optimizers import Rule
from adamcmp.config import CONFIG_GROUPS, build_component
from adamcmp.errors import ConfigError
from adamcmp.inspection.problem import weights as initial_weights
from adamcmp.inspection.rule_subject import RuleStepper

#: Decay rates that a rule is tried with beside its default.
_DECAY_RATES = (0.0, 0.9)


def candidates(lr: float, settings: Mapping[str, Any]) -> Iterator[Rule]:
    """Yield every rule without weight decay, the default values of its options first.

    Args:
        lr: The learning rate.
        settings: Values of a rule's own fields, where it has them.
    """
    for name in CONFIG_GROUPS["optimizer"].names:
        cls = CONFIG_GROUPS["optimizer"].component(name)
        if not issubclass(cls, Rule):
            continue
        fields = specific_fields(cls)
        given = {key: value for key, value in settings.items() if key in fields}
        options = {
            field: values for field in fields - given.keys() if (values := _options(cls, field))
        }
        for values in itertools.product(*options.values()):
            chosen = dict(zip(options, values, strict=True))
            try:
                yield build_rule(name, lr, {**chosen, **given})
            except ConfigError:  # options or given values that the rule refuses
                continue


def build_rule(name: str, lr: float, settings: Mapping[str, Any]) -> Rule:
    """Return a rule without weight decay.

    Raises:
        ConfigError: If a setting is invalid.
    """
    values = {"name": name, "rule": name, "lr": lr, "coupling": "none", **settings}
    rule: Rule = build_component("optimizer", values)
    return rule


def specific_fields(cls: type[Rule]) -> set[str]:
    """Return the fields of a rule that not every rule has."""
    return cls.model_fields.keys() - Rule.model_fields.keys()


def specific_settings(rule: Rule) -> dict[str, Any]:
    """Return the values of the fields that not every rule has."""
    return {name: getattr(rule, name) for name in specific_fields(type(rule)) - {"rule"}}


def _options(cls: type[Rule], field: str) -> Sequence[Any]:
    """Return the values of an option, its default first; empty if it is another number or text."""
    info = cls.model_fields[field]
    if typing.get_origin(info.annotation) is typing.Literal:
        return sorted(typing.get_args(info.annotation), key=lambda value: value != info.default)
    if info.annotation is bool:
        return (info.default, not info.default)
    is_rate = any(getattr(bound, "lt", None) == 1 for bound in info.metadata)
    if is_rate and field in cls.number_fields:
        return tuple(dict.fromkeys((info.default, *_DECAY_RATES)))
    return ()


def updates_at_zero(
    rule: Rule, gradients: Sequence[Tensor], multipliers: Sequence[float]
) -> Tensor:
    """Return the updates of weights that are set back to 0 before each step, (steps, *shape)."""
    zeros = torch.zeros_like(gradients[0])
    return _run(rule, zeros, gradients, multipliers, free=False)


def trajectory(rule: Rule, gradients: Sequence[Tensor], multipliers: Sequence[float]) -> Tensor:
    """Return the updates of weights that move, (steps, *shape)."""
    start = initial_weights(tuple(gradients[0].shape))
    return _run(rule, start, gradients, multipliers, free=True)


def _run(
    rule: Rule,
    weights: Tensor,
    gradients: Sequence[Tensor],
    multipliers: Sequence[float],
    *,
    free: bool,
) -> Tensor:
    stepper, updates = RuleStepper(rule, weights, len(gradients)), []
    current = weights
    for gradient, multiplier in zip(gradients, multipliers, strict=True):
        after = stepper.step(current, gradient, multiplier)
        updates.append(after - current)
        current = after if free else weights
    return torch.stack(updates)
