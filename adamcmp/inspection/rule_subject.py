"""The rules of this package as black boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from adamcmp.components.optimizers import Rule
from adamcmp.config import build_component
from adamcmp.inspection.subjects import Stepper, Subject

_NAME = "w"


class RuleStepper(Stepper):
    """The state of a rule's chain of transformations.

    Args:
        rule: The rule with its coupling.
        weights: The initial weights.
        steps: How many steps it will take, on which normalized weight decay depends.
    """

    def __init__(self, rule: Rule, weights: Tensor, steps: int) -> None:
        self._chain = rule.chain()
        self._hypers = {name: _number(value) for name, value in rule.hypers(steps).items()}
        self._state = self._chain.init({_NAME: weights})
        self._step = 0

    def step(self, weights: Tensor, gradient: Tensor, multiplier: float) -> Tensor:
        """See `Stepper.step`."""
        self._step += 1
        hypers = {**self._hypers, "multiplier": _number(multiplier)}
        updates, self._state = self._chain.update(
            {_NAME: gradient}, self._state, {_NAME: weights}, hypers, _number(self._step)
        )
        return weights + updates[_NAME]


def _number(value: float) -> Tensor:
    return torch.tensor(float(value), dtype=torch.float64)


@dataclass(frozen=True)
class RuleSubject(Subject):
    """A rule of this package.

    Attributes:
        defaults: The settings of its yaml file.
        settings: The settings that the user gave, which take precedence.
    """

    defaults: Mapping[str, Any]
    settings: Mapping[str, Any]
    dtype: torch.dtype = torch.float64
    shape: tuple[int, ...] = (4, 4)

    @cached_property
    def rule(self) -> Rule:
        """The rule with its coupling.

        Raises:
            ConfigError: If a setting is invalid.
        """
        rule: Rule = build_component("optimizer", {**self.defaults, **self.settings})
        return rule

    @property
    def lr(self) -> float | None:
        """See `Subject`."""
        return self.rule.lr

    def stepper(self, weights: Tensor, steps: int) -> RuleStepper:
        """See `Subject.stepper`."""
        return RuleStepper(self.rule, weights, steps)

    def with_settings(self, **settings: Any) -> RuleSubject:
        """See `Subject.with_settings`."""
        return replace(self, settings={**self.settings, **settings})

    def with_lr(self, lr: float) -> RuleSubject | None:
        """See `Subject.with_lr`."""
        return self.with_settings(lr=lr)
