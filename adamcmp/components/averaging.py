"""Transformations around an optimizer that average its iterates, and are evaluated at the average.

Like `adamcmp.components.transformations`, they are written for one run and modify no argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adamcmp.components.transformations import GradientTransformation

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def polyak_average(optimizer: GradientTransformation) -> GradientTransformation:
    """Average the weights from step t0 on: a ← a + μ_t·(θ − a), μ_t = 1 / max(1, t − 1 − t0).

    >>> import torch
    >>> from adamcmp.components.transformations import scale_by_learning_rate
    >>> averaged = polyak_average(scale_by_learning_rate())
    >>> params, grads = {"w": torch.tensor([0.0])}, {"w": torch.tensor([-1.0])}
    >>> hypers = {"lr": torch.tensor(1.0), "multiplier": torch.tensor(1.0), "t0": torch.tensor(0.0)}
    >>> state = averaged.init(params)
    >>> for step in (1.0, 2.0, 3.0):
    ...     updates, state = averaged.update(grads, state, params, hypers, torch.tensor(step))
    ...     params = {"w": params["w"] + updates["w"]}
    ...     print(params["w"].item(), averaged.evaluation_params(params, state)["w"].item())
    1.0 1.0
    2.0 2.0
    3.0 2.5

    Evaluations measure a. Source: Polyak & Juditsky 1992; torch.optim.ASGD, whose ``ax`` is a.

    Args:
        optimizer: The optimizer with its weight decay.
    """

    def init(params: Tree) -> dict[str, Any]:
        average = {name: p.clone() for name, p in params.items()}
        return {"optimizer": optimizer.init(params), "average": average}

    def update(
        grads: Tree, state: dict[str, Any], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Any]]:
        updates, inner = optimizer.update(grads, state["optimizer"], params, hypers, step)
        weight = 1 / (step - 1 - hypers["t0"]).clamp(min=1.0)
        average = {
            n: a + weight * (params[n] + updates[n] - a) for n, a in state["average"].items()
        }
        return updates, {"optimizer": inner, "average": average}

    return GradientTransformation(init, update, _average)


def schedule_free(optimizer: GradientTransformation, momentum: str) -> GradientTransformation:
    """Replace the schedule and the momentum of an optimizer by an average of its iterates.

    >>> import torch
    >>> from adamcmp.components.transformations import scale_by_learning_rate
    >>> optimizer = schedule_free(scale_by_learning_rate(), "momentum")
    >>> params, grads = {"w": torch.tensor([0.0])}, {"w": torch.tensor([-1.0])}
    >>> hypers = {"lr": 1.0, "multiplier": 1.0, "momentum": 0.5, "r": 0.0, "weight_lr_power": 2.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> state = optimizer.init(params)
    >>> for step in (1.0, 2.0, 3.0):
    ...     updates, state = optimizer.update(grads, state, params, hypers, torch.tensor(step))
    ...     params = {"w": params["w"] + updates["w"]}
    ...     print(params["w"].item(), optimizer.evaluation_params(params, state)["w"].item())
    1.0 1.0
    1.75 1.5
    2.5 2.0

    The trained weights y are between the optimizer's iterates z and their average x. With the
    optimizer's update u from the gradient and the decay at y: z ← z + u, x ← x + c_t·(z − x),
    y ← (1 − β)·z + β·x. c_t = w_t / Σw with w_t = t^r·(max η)^p, the maximum over steps so far.
    Evaluations measure x. Source: Defazio et al. 2024 (arXiv 2405.15682), Algorithm 1; the authors'
    package schedulefree.

    Args:
        optimizer: The optimizer with its weight decay, without momentum.
        momentum: Name of the hyperparameter β. Further ones are ``r``, and p: ``weight_lr_power``.
    """
    import torch

    def init(params: Tree) -> dict[str, Any]:
        # Scalars of each parameter, since parameters without a gradient count fewer steps.
        scalars = {
            key: {n: p.new_zeros((), dtype=torch.float64) for n, p in params.items()}
            for key in ("max_lr", "sum_of_weights")
        }
        weights = {key: {n: p.clone() for n, p in params.items()} for key in ("z", "average")}
        return {"optimizer": optimizer.init(params), **weights, **scalars}

    def update(
        grads: Tree, state: dict[str, Any], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Any]]:
        updates, inner = optimizer.update(grads, state["optimizer"], params, hypers, step)
        eta, beta = hypers["multiplier"] * hypers["lr"], hypers[momentum]
        new: dict[str, Any] = {key: {} for key in ("z", "average", "max_lr", "sum_of_weights")}
        changes = {}
        for n, u in updates.items():
            max_lr = state["max_lr"][n].maximum(eta)
            weight = step ** hypers["r"] * max_lr ** hypers["weight_lr_power"]
            total = state["sum_of_weights"][n] + weight
            share = (weight / total).where(total > 0, 0.0)
            z = state["z"][n] + u
            x = state["average"][n] + share * (z - state["average"][n])
            changes[n] = z + beta * (x - z) - params[n]
            for key, value in zip(new, (z, x, max_lr, total), strict=True):
                new[key][n] = value
        return changes, {"optimizer": inner, **new}

    return GradientTransformation(init, update, _average)


def _average(params: Tree, state: dict[str, Any]) -> Tree:
    return dict(state["average"])
