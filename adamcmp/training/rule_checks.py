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
    """Check that a user's rule computes the same when repeated, in lanes and concatenated."""
    if optimizer.fuses:  # otherwise its code runs in every step
        _check_repetition(Trial(optimizer, groups, params, grads))
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


def _check_repetition(trial: Trial) -> None:
    """Check that a step depends on its arguments only, since its operations are recorded once."""
    results = []
    for seed in range(2):
        trial.restart()
        _take_step(trial, seed, "fails")
        results.append({name: param.clone() for name, param in trial.parameters().items()})
    first, second = results
    if not all(torch.allclose(p, second[n], 0, 0, equal_nan=True) for n, p in first.items()):
        raise ConfigError(
            f"optimizer.rule={trial.rule} gives other numbers when a step is repeated. Either it "
            f"keeps values in Python between steps: keep them in the state that init returns; the "
            f"argument step counts the steps. Or it draws random numbers: set fuses: "
            f"ClassVar[bool] = False."
        )


def _after_two_steps(trial: Trial, problem: str) -> Tree:
    """Return the parameters after two steps of a user's rule."""
    for _ in range(2):
        _take_step(trial, 0, problem)
    return trial.parameters()


def _take_step(trial: Trial, seed: int, problem: str) -> None:
    try:
        trial.step(seed)
    except Exception as error:  # a user's class may raise anything
        raise ConfigError(
            f"optimizer.rule={trial.rule} {problem} in a step ({error_reason(error)})."
        ) from error


def _compare(optimizer: Rule, expected: Tree, actual: Tree, problem: str) -> None:
    close = (torch.allclose(actual[n], p, 1e-4, 1e-6, equal_nan=True) for n, p in expected.items())
    if not all(close):
        raise ConfigError(f"optimizer.rule={optimizer.rule} {problem}.")
