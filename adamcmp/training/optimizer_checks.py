"""Checks of an optimizer: that it can update a network, and can be resumed from a checkpoint."""

from __future__ import annotations

import copy
from typing import NoReturn

import torch
from torch import nn

from adamcmp.components.optimizers import Optimizer
from adamcmp.components.optimizers.torch import Torch
from adamcmp.components.user_class import error_reason
from adamcmp.errors import ConfigError
from adamcmp.platform.global_generators import seeded_generators
from adamcmp.training.step.batching import Tree
from adamcmp.training.step.drivers import create_driver
from adamcmp.training.step.packing import Packing


def check_optimizer(optimizer: Optimizer, params: Tree, grads: Tree) -> None:
    """Take one step with an optimizer.

    Args:
        optimizer: The optimizer.
        params: The parameters of a network, which are not changed.
        grads: Their gradients, without those that do not exist.

    Raises:
        ConfigError: If a torch.optim class fails, takes only some of the parameters, or has state
            that its ``state_dict`` does not hold or cannot restore.
    """
    error = _error_of_step(optimizer, params, grads)
    if isinstance(optimizer, Torch):
        if error is not None:
            _refuse(optimizer, params, grads, error)
        try:
            _check_state(optimizer, params, grads)
        except ConfigError:
            raise
        except Exception as reason:  # a user's class may raise anything
            raise ConfigError(
                f"optimizer.target={optimizer.target} fails in two steps with its state_dict() "
                f"loaded between them ({error_reason(reason)})."
            ) from reason
    elif error is not None:
        raise error


def _refuse(optimizer: Torch, params: Tree, grads: Tree, error: Exception) -> NoReturn:
    """Raise the error of a torch.optim class that fails with these parameters."""
    target = f"optimizer.target={optimizer.target}"
    errors = {n: _error_of_step(optimizer, {n: params[n]}, {n: g}) for n, g in grads.items()}
    refused = {name: reason for name, reason in errors.items() if reason}
    if refused and len(refused) < len(errors):
        name, reason = next(iter(refused.items()))
        text = str(reason) if isinstance(reason, ConfigError) else error_reason(reason)
        raise ConfigError(
            f"{target} takes only some of the model's parameters, and adamcmp trains all of them "
            f"with one class. It does not take {name}: {text}"
        ) from error
    if isinstance(error, ConfigError):
        raise error
    raise ConfigError(f"{target} fails in its first step ({error_reason(error)}).") from error


def _error_of_step(optimizer: Optimizer, params: Tree, grads: Tree) -> Exception | None:
    """Return the error of an optimizer's first step with copies of some parameters."""
    copies = {name: param.detach().clone()[None] for name, param in params.items()}
    numbers = {**optimizer.hypers(), "multiplier": 1.0}
    hypers = {name: torch.tensor([v], dtype=torch.float64) for name, v in numbers.items()}
    lane_grads = {name: grad.clone()[None] for name, grad in grads.items()}
    loss_M, step_M = torch.zeros(1), torch.ones(1, dtype=torch.float64)
    driver = create_driver(optimizer, clip=False, fused=False)
    try:
        packing = Packing(copies, [list(copies)], concatenate=False)
        state = {"params": copies, "optimizer": driver.init(copies, packing)}
        with torch.no_grad():
            driver.step(state, lambda _: (loss_M, lane_grads), [hypers], step_M)
    except Exception as error:  # a user's class may raise anything
        return error
    return None


def _check_state(optimizer: Torch, params: Tree, grads: Tree) -> None:
    """Check that a class continues from its ``state_dict``, since checkpoints hold nothing else.

    Numbers among its attributes that each step changes count as state, too.
    """
    weights, restored_weights = (_trainable(params) for _ in range(2))
    instance, restored = (
        optimizer.make(list(tree.values())) for tree in (weights, restored_weights)
    )
    _step(instance, weights, grads)
    try:
        state_dict = copy.deepcopy(instance.state_dict())
    except Exception:  # state that no checkpoint can hold: an interrupted run starts again
        return
    restored.load_state_dict(state_dict)
    for name, weight in restored_weights.items():
        weight.data.copy_(weights[name])
    before = _numbers(instance)
    _step(instance, weights, grads)
    _step(restored, restored_weights, grads)
    state = [name for name, number in _numbers(instance).items() if before.get(name) != number]
    if state or not all(torch.equal(weights[name], restored_weights[name]) for name in weights):
        raise ConfigError(
            f"optimizer.target={optimizer.target} keeps state in {', '.join(state) or 'attributes'}"
            f", which its state_dict() does not hold, so that a resumed run would differ. Keep it "
            f"in self.state."
        )


def _trainable(params: Tree) -> dict[str, nn.Parameter]:
    return {name: nn.Parameter(param.detach().clone()) for name, param in params.items()}


def _step(instance: torch.optim.Optimizer, weights: dict[str, nn.Parameter], grads: Tree) -> None:
    """Take a step, whose random numbers are always the same."""
    for name, grad in grads.items():
        weights[name].grad = grad.clone()
    with seeded_generators(0), torch.no_grad():  # as in training
        instance.step()


def _numbers(instance: torch.optim.Optimizer) -> dict[str, float]:
    return {name: v for name, v in vars(instance).items() if isinstance(v, int | float)}
