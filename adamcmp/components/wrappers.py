"""Transformations around a rule or a whole optimizer: SAM, Lookahead, cautious updates, norms.

Like `adamcmp.components.transformations`, they are written for one run and modify no argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adamcmp.components.transformations import GradientTransformation, global_norm

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree

#: Lower limit of the fraction of components that cautious updates keep, and of the gradient's norm.
_MIN_KEPT, _MIN_NORM = 1e-3, 1e-12


def sam_ascent(grads: Tree, params: Tree, hypers: Hypers, *, adaptive: bool) -> Tree:
    """Return the ascent step ε of sharpness-aware minimization (SAM).

    >>> import torch
    >>> grads, params = {"w": torch.tensor([3.0, 4.0])}, {"w": torch.tensor([0.0, 2.0])}
    >>> sam_ascent(grads, params, {"sam_rho": torch.tensor(0.5)}, adaptive=False)["w"]
    tensor([0.3000, 0.4000])

    ε = ρ·g/‖g‖. The optimizer's gradient is then the one at θ + ε. Source: Foret et al. 2021
    (arXiv 2010.01412), Algorithm 1. Adaptive: ε = ρ·θ²·g/‖θ·g‖ (ASAM, Kwon et al. 2021, arXiv
    2102.11600, Algorithm 1, with the normalization |θ| of the authors' code for every parameter).

    Args:
        grads: The gradients at the parameters; ‖·‖ is the norm of all of them.
        params: The parameters.
        hypers: Holds ρ as ``sam_rho``.
        adaptive: Whether to scale ε by the size of the weights.
    """
    scale = {n: params[n].abs() if adaptive else 1.0 for n in grads}
    norm = global_norm({n: scale[n] * g for n, g in grads.items()})
    step = hypers["sam_rho"] / (norm + _MIN_NORM)
    return {n: step * scale[n] * scale[n] * g for n, g in grads.items()}


def cautious_updates(rule: GradientTransformation) -> GradientTransformation:
    """Zero the components of a rule's update that do not descend along the gradient.

    >>> import torch
    >>> from adamcmp.components.transformations import stateless
    >>> fixed = stateless(lambda grads, params, hypers: {"w": torch.tensor([-1.0, -1.0])})
    >>> gradients = {"w": torch.tensor([1.0, -1.0])}
    >>> cautious_updates(fixed).update(gradients, {}, {}, {}, torch.tensor(1.0))[0]["w"]
    tensor([-2., -0.])

    u ← u·1[u·g < 0] / max(k, 0.001), where k is the fraction of the tensor's components that
    remain. Source: Liang et al. 2024, "Cautious Optimizers" (arXiv 2411.16085), Algorithm 1, with
    the scaling of the authors' code.

    Args:
        rule: The rule without weight decay.
    """

    def update(
        grads: Tree, state: Any, params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, Any]:
        updates, state = rule.update(grads, state, params, hypers, step)
        # Signs, since the product of tiny numbers underflows to 0.
        kept = {n: (u.sign() * grads[n].sign() < 0).to(u.dtype) for n, u in updates.items()}
        masked = {n: u * kept[n] / kept[n].mean().clamp(min=_MIN_KEPT) for n, u in updates.items()}
        return masked, state

    return rule._replace(update=update)


def lookahead(optimizer: GradientTransformation, steps: int) -> GradientTransformation:
    """Move slow weights toward an optimizer's weights after every k steps, which restart there.

    >>> import torch
    >>> from adamcmp.components.transformations import scale_by_learning_rate
    >>> slow = lookahead(scale_by_learning_rate(), steps=2)
    >>> params, grads = {"w": torch.tensor([0.0])}, {"w": torch.tensor([-1.0])}
    >>> hypers = {name: torch.tensor(value) for name, value in
    ...           {"lr": 1.0, "multiplier": 1.0, "lookahead_alpha": 0.5}.items()}
    >>> state = slow.init(params)
    >>> for step in (1.0, 2.0):
    ...     updates, state = slow.update(grads, state, params, hypers, torch.tensor(step))
    ...     params = {"w": params["w"] + updates["w"]}
    ...     print(params["w"].item())
    1.0
    1.0

    After every k steps φ ← φ + α·(θ − φ), θ ← φ. Evaluations measure the slow weights φ. Source:
    Zhang et al. 2019 (arXiv 1907.08610), Algorithm 1; optax.lookahead. The optimizer's state, such
    as momentum, is kept when the weights restart.

    Args:
        optimizer: The optimizer with its weight decay.
        steps: k.
    """

    def init(params: Tree) -> dict[str, Any]:
        slow = {name: p.clone() for name, p in params.items()}
        return {"optimizer": optimizer.init(params), "slow": slow}

    def update(
        grads: Tree, state: dict[str, Any], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Any]]:
        updates, inner = optimizer.update(grads, state["optimizer"], params, hypers, step)
        synchronizes, alpha, slow = step % steps == 0, hypers["lookahead_alpha"], state["slow"]
        moved = {n: s + alpha * (params[n] + updates[n] - s) for n, s in slow.items()}
        new_slow = {n: moved[n].where(synchronizes, s) for n, s in slow.items()}
        new_updates = {n: (moved[n] - params[n]).where(synchronizes, u) for n, u in updates.items()}
        return new_updates, {"optimizer": inner, "slow": new_slow}

    def evaluation_params(params: Tree, state: dict[str, Any]) -> Tree:
        return dict(state["slow"])

    return GradientTransformation(init, update, evaluation_params)


def constrain_norms(rule: GradientTransformation) -> GradientTransformation:
    """Keep the norm of each tensor at its initial value, and fix the norm of its updates.

    >>> import torch
    >>> from adamcmp.components.transformations import scale_by_learning_rate
    >>> constrained = constrain_norms(scale_by_learning_rate())
    >>> params, grads = {"w": torch.tensor([3.0, 4.0])}, {"w": torch.tensor([0.0, 100.0])}
    >>> hypers = {"lr": torch.tensor(0.1), "multiplier": torch.tensor(1.0)}
    >>> state = constrained.init(params)
    >>> updates, _ = constrained.update(grads, state, params, hypers, torch.tensor(1.0))
    >>> (params["w"] + updates["w"]).norm()
    tensor(5.)

    θ ← R·N(θ + η_t·R·N(u)), where u is the rule's update, R = ‖θ_0‖ the initial norm of the tensor,
    and N(x) = x/‖x‖. Source: Hyperball, Wen et al. 2026 (arXiv 2606.16899). A tensor that is
    initially zero stays zero.

    Args:
        rule: The rule without weight decay.
    """

    def init(params: Tree) -> dict[str, Any]:
        return {"rule": rule.init(params), "norm": {n: p.norm() for n, p in params.items()}}

    def update(
        grads: Tree, state: dict[str, Any], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Any]]:
        updates, inner = rule.update(grads, state["rule"], params, hypers, step)
        eta = hypers["multiplier"] * hypers["lr"]
        new = {}
        for name, u in updates.items():
            radius = state["norm"][name]
            moved = params[name] + eta * radius * _direction(u)
            new[name] = radius * _direction(moved) - params[name]
        return new, {"rule": inner, "norm": state["norm"]}

    return GradientTransformation(init, update)


def _direction(tensor: Tensor) -> Tensor:
    """Return x/‖x‖, and zeros for zeros."""
    norm = tensor.square().sum().sqrt()
    return tensor / norm.where(norm > 0, 1.0)
