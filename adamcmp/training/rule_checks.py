"""Checks of a rule of the user's code: that its numbers do not depend on how it is trained."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from adamcmp.components.optimizers import ParameterGroup, Rule
from adamcmp.components.user_class import error_reason
from adamcmp.errors import ConfigError
from adamcmp.training.optimizer_trial import Trial
from adamcmp.training.step.batching import Tree


def check_users_rule(
    optimizer: Rule, groups: Sequence[ParameterGroup], params: Tree, grads: Tree
) -> None:
    """Check that a rule of the user's code computes the same alone, in lanes and concatenated."""
    expected = _after_two_steps(Trial(optimizer, groups, params, grads), "fails")
    if optimizer.fuses:
        lanes = Trial(optimizer, groups, params, grads, fused=True)
        actual = _after_two_steps(
            lanes,
            "cannot be vectorized over lanes. Use torch.where instead of conditions on tensors, "
            "or set fuses: ClassVar[bool] = False. It fails",
        )
        _compare(optimizer, expected, actual, "gives other numbers when torch.vmap vectorizes it")
    if optimizer.concatenates:
        concatenated = Trial(optimizer, groups, params, grads, concatenate=True)
        actual = _after_two_steps(concatenated, "fails with concatenated parameters")
        advice = (
            "Set elementwise: ClassVar[bool] = False, since its updates depend on other numbers"
        )
        _compare(
            optimizer, expected, actual, f"gives other numbers if parameters are joined. {advice}"
        )


def _after_two_steps(trial: Trial, problem: str) -> Tree:
    """Return the parameters after two steps of a user's rule."""
    try:
        for _ in range(2):
            trial.step()
    except Exception as error:  # a user's class may raise anything
        raise ConfigError(
            f"optimizer.rule={trial.rule} {problem} in a step ({error_reason(error)})."
        ) from error
    return trial.parameters()


def _compare(optimizer: Rule, expected: Tree, actual: Tree, problem: str) -> None:
    close = (torch.allclose(actual[n], p, 1e-4, 1e-6, equal_nan=True) for n, p in expected.items())
    if not all(close):
        raise ConfigError(f"optimizer.rule={optimizer.rule} {problem}.")
