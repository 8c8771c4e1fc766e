"""Rank the rules of this package by their updates at weights of 0, where no decay acts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adamcmp.components.optimizers import Rule
from adamcmp.inspection.candidates import updates_at_zero
from adamcmp.inspection.fitting import fitted
from adamcmp.inspection.subjects import ProbeFailed, Subject

#: Relative differences that are the same up to rounding and ε.
SAME = 1e-6
#: The difference of trajectories from which on an optimizer is none of this package.
NEAR = 0.1
#: Rules whose hyperparameters are fitted.
_FITTED = 4
#: A fit with a larger relative difference found no hyperparameters.
_FIT = 1e-3
#: A relative difference that stands for all larger ones.
_FAR = 1e3


def ranked_rules(
    subject: Subject,
    rules: Sequence[Rule],
    gradients: Sequence[Tensor],
    multipliers: Sequence[float],
) -> list[Rule]:
    """Return rules by the difference of their updates from those of an optimizer.

    The rules are also fitted to the optimizer, unless one is the same with its default values.

    Args:
        subject: The optimizer.
        rules: The rules.
        gradients: The gradients of the steps.
        multipliers: The learning rate of each step divided by the initial one.

    Returns:
        The rules and the fitted ones, the nearest first; nothing if weights of 0 do not move, as
        with a rule that divides by their norm.
    """
    try:
        target = subject.updates(torch.zeros_like(gradients[0]), gradients, multipliers)
    except ProbeFailed:
        return []
    size = float(target.square().mean().sqrt())
    if not size:
        return []
    if subject.lr is None:
        rules = [_with_lr_of(rule, gradients, target) for rule in rules]

    def residuals(rule: Rule) -> np.ndarray:
        difference = (updates_at_zero(rule, gradients, multipliers) - target) / size
        return np.asarray(difference.nan_to_num(nan=_FAR).clamp(-_FAR, _FAR).flatten())

    def error(rule: Rule) -> float:
        return max(float(np.abs(residuals(rule)).max()), SAME)

    errors = {rule: error(rule) for rule in rules}
    ranked = sorted(rules, key=errors.__getitem__)
    if errors[ranked[0]] <= SAME:
        return ranked
    for rule in [fitted(rule, residuals) for rule in _different_rules(ranked)[:_FITTED]]:
        if (distance := error(rule)) < _FIT:
            errors[rule] = distance
    return sorted(errors, key=errors.__getitem__)


def _different_rules(ranked: list[Rule]) -> list[Rule]:
    """Return the rules that differ in more than the hyperparameters that a fit changes."""
    first: dict[Any, Rule] = {}
    for rule in ranked:
        first.setdefault((rule.rule, rule.structure()), rule)
    return [*first.values()]


def _with_lr_of(rule: Rule, gradients: Sequence[Tensor], target: Tensor) -> Rule:
    """Return the rule with the learning rate at which its updates are nearest to the target.

    Updates are in proportion to the learning rate.
    """
    updates = updates_at_zero(rule, gradients, [1.0] * len(gradients))
    lr = float((updates * target).sum() / updates.square().sum()) * rule.lr
    return rule.model_copy(update={"lr": lr}) if lr > 0 else rule
