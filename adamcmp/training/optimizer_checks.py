"""Checks of an optimizer: that it can update a network, and can be resumed from a checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import NoReturn

import torch

from adamcmp.components.optimizers import Optimizer, ParameterGroup, Rule
from adamcmp.components.optimizers.torch import Torch
from adamcmp.components.user_class import error_reason
from adamcmp.components.user_rule import is_users_rule
from adamcmp.errors import ConfigError
from adamcmp.training.optimizer_trial import Trial
from adamcmp.training.rule_checks import check_users_rule
from adamcmp.training.step.batching import Tree
from adamcmp.training.step.drivers import TorchDriver


def check_optimizer(
    optimizer: Optimizer, params: Tree, grads: Tree, roles: Mapping[str, str]
) -> None:
    """Take one step with an optimizer.

    Args:
        optimizer: The optimizer.
        params: The parameters of a network, which are not changed.
        grads: Their gradients, without those that do not exist.
        roles: Their roles; see `parameter_roles`.

    Raises:
        ConfigError: If a parameter group is empty, there are no hidden matrices, which the rule or
            coupling is for, or a torch.optim class fails, takes only some
            of the parameters, or has state that its ``state_dict`` does not hold or cannot
            restore, or a rule of the user's code fails or cannot be trained in lanes.
    """
    groups = optimizer.parameter_groups(roles)
    _check_matrices(optimizer, groups)
    error = _error_of_step(optimizer, groups, params, grads)
    if isinstance(optimizer, Torch):
        if error is not None:
            _refuse(optimizer, groups, params, grads, roles, error)
        try:
            _check_state(optimizer, groups, params, grads)
        except ConfigError:
            raise
        except Exception as reason:  # a user's class may raise anything
            raise ConfigError(
                f"optimizer.target={optimizer.target} fails in two steps with its state_dict() "
                f"loaded between them ({error_reason(reason)})."
            ) from reason
    elif isinstance(optimizer, Rule) and is_users_rule(optimizer.rule):
        check_users_rule(optimizer, groups, params, grads)
    elif error is not None:
        raise error


def _check_matrices(optimizer: Optimizer, groups: Sequence[ParameterGroup]) -> None:
    """Check that a rule or coupling that is for hidden matrices has some."""
    remaining = optimizer.remaining_rule() if isinstance(optimizer, Rule) else None
    if remaining is None or not all(group.remaining for group in groups):
        return
    if optimizer.coupling == "norm":
        raise ConfigError(
            "coupling=norm: the model has no hidden matrices, whose norm it keeps. Use another "
            "coupling."
        )
    raise ConfigError(
        f"optimizer={optimizer.name}: the model has no hidden matrices, which rule="
        f"{optimizer.rule} is for. Use optimizer={remaining.name}, which it trains all other "
        f"parameters with."
    )


def _refuse(
    optimizer: Torch,
    groups: Sequence[ParameterGroup],
    params: Tree,
    grads: Tree,
    roles: Mapping[str, str],
    error: Exception,
) -> NoReturn:
    """Raise the error of a torch.optim class that fails with these parameters."""
    refused = {
        name: reason
        for name, grad in grads.items()
        if (reason := _error_of_step(optimizer, groups, {name: params[name]}, {name: grad}))
    }
    target, names = _first_class(optimizer, groups, refused)
    accepted = [name for name in names if name in grads and name not in refused]
    if refused and accepted:
        name, reason = next((n, reason) for n, reason in refused.items() if n in names)
        text = str(reason) if isinstance(reason, ConfigError) else error_reason(reason)
        others = _other_class([n for n in names if n in refused], accepted, roles)
        raise ConfigError(
            f"{target} takes only some of the model's parameters. Train the others with another "
            f"class: {others}. It does not take {name}: {text}"
        ) from error
    if isinstance(error, ConfigError):
        raise error
    hint = _hint(optimizer, groups, params, grads)
    raise ConfigError(f"{target} fails in its first step ({error_reason(error)}).{hint}") from error


def _first_class(
    optimizer: Torch, groups: Sequence[ParameterGroup], refused: Mapping[str, Exception]
) -> tuple[str, list[str]]:
    """Return the setting of the first class that refuses a parameter, and its parameters."""
    settings = {"": f"optimizer.target={optimizer.target}"}
    for label, group in optimizer.groups.items():
        if group.target is not None:
            settings[label] = f"optimizer.groups.{label}.target={group.target}"
    members: dict[str, list[str]] = {}
    for each in groups:
        target = settings.get(each.label, settings[""])
        members.setdefault(target, []).extend(each.names)
    return next(
        ((target, names) for target, names in members.items() if refused.keys() & names),
        (settings[""], []),
    )


def _other_class(refused: Sequence[str], accepted: Sequence[str], roles: Mapping[str, str]) -> str:
    """Return the settings that give refused parameters another class.

    A role of which some parameters are accepted needs a pattern of names.
    """
    of_accepted = {roles[name] for name in accepted}
    whole = dict.fromkeys(roles[name] for name in refused if roles[name] not in of_accepted)
    settings = [f"optimizer.groups.{role}.target=torch.optim.AdamW" for role in whole]
    if partly := [name for name in refused if roles[name] in of_accepted]:
        group = "optimizer.groups.others"
        settings += [f"{group}.match={partly[0]} {group}.target=torch.optim.AdamW"]
    return " ".join(settings)


def _hint(optimizer: Torch, groups: Sequence[ParameterGroup], params: Tree, grads: Tree) -> str:
    """Return the setting with which a torch.optim class does not fail."""
    for setting in ("closure", "create_graph"):
        changed = optimizer.model_copy(update={setting: True})
        if _error_of_step(changed, groups, params, grads) is None:
            return f" It works with optimizer.{setting}=true."
    return ""


def _error_of_step(
    optimizer: Optimizer, groups: Sequence[ParameterGroup], params: Tree, grads: Tree
) -> Exception | None:
    """Return the error of an optimizer's first step with copies of some parameters."""
    try:
        Trial(optimizer, groups, params, grads).step()
    except Exception as error:  # a user's class may raise anything
        return error
    return None


def _check_state(
    optimizer: Torch, groups: Sequence[ParameterGroup], params: Tree, grads: Tree
) -> None:
    """Check that a class continues from its ``state_dict``, since checkpoints hold nothing else.

    Numbers among its attributes that each step changes count as state, too.
    """
    trial, restored = (Trial(optimizer, groups, params, grads) for _ in range(2))
    trial.step()
    first = {name: param.clone() for name, param in trial.params.items()}
    try:
        state_dict = copy.deepcopy(trial.driver.state_dict())
    except Exception:  # state that no checkpoint can hold: an interrupted run starts again
        return
    restored.driver.load_state_dict(state_dict)
    for name, param in restored.params.items():
        param.copy_(trial.params[name])
    before = _numbers(trial)
    trial.step()
    restored.step()
    state = [name for name, number in _numbers(trial).items() if before.get(name) != number]
    if state or not _equal(trial.params, restored.params):
        again = Trial(optimizer, groups, params, grads)
        again.step()
        _check_steps(optimizer, first, again.params, trial.params)
        raise ConfigError(
            f"optimizer.target={optimizer.target} keeps state in {', '.join(state) or 'attributes'}"
            f", which its state_dict() does not hold, so that a resumed run would differ. Keep it "
            f"in self.state."
        )


def _check_steps(optimizer: Torch, first: Tree, again: Tree, second: Tree) -> None:
    """Check that steps give finite weights, and that equal steps give equal ones.

    Args:
        optimizer: The optimizer.
        first: The weights after its first step.
        again: The weights after the first step of another instance.
        second: The weights after its second step.
    """
    target = f"optimizer.target={optimizer.target}"
    if not all(param.isfinite().all() for param in second.values()):
        raise ConfigError(f"{target}: its first steps give weights that are not finite.")
    if not _equal(first, again):
        raise ConfigError(
            f"{target}: two equal steps differ: it uses random numbers that adamcmp does not seed, "
            f"or variables that its instances share. torch.rand is seeded."
        )


def _equal(params: Tree, others: Tree) -> bool:
    return all(torch.equal(param, others[name]) for name, param in params.items())


def _numbers(trial: Trial) -> dict[str, float]:
    if not isinstance(trial.driver, TorchDriver):
        return {}
    attributes = (pair for each in trial.driver.optimizers for pair in vars(each).items())
    return {name: value for name, value in attributes if isinstance(value, int | float)}
