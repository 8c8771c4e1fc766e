"""Gradient transformations: pure functions that are chained to optimizers.

The interface is optax's: a transformation is a pair ``init(params) -> state`` and
``update(updates, state, params, hypers, step) -> (updates, state)``. The first transformation of a
chain receives the gradients. The output of the last one is added to the parameters. No
transformation modifies its arguments.

All functions are written for one run, without a lane dimension; vmap batches them over lanes.

Hyperparameters are 0-dimensional float64 tensors, so that lanes may differ in every hyperparameter.
Expressions such as 1 − β are computed in float64 before they meet float32 parameters, as
torch.optim does with Python floats. ``hypers`` always holds ``lr`` (the base learning rate),
``multiplier`` (the schedule's s_t) and ``weight_decay``. ``step`` counts from 1. In the formulas
θ is a parameter, g a gradient, u an update and η_t = s_t·lr.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    #: Tensors by parameter name.
    Tree = dict[str, Tensor]
    Hypers = Mapping[str, Tensor]


def trained_params(params: Tree, state: Any) -> Tree:
    """Return the parameters that are trained, which most optimizers are evaluated at.

    >>> trained_params({"w": 1.0}, {})
    {'w': 1.0}
    """
    return params


class GradientTransformation(NamedTuple):
    """A pure function of updates, with its state (optax.GradientTransformation).

    Attributes:
        init: Maps parameters to the initial state.
        update: Maps (updates, state, params, hypers, step) to (updates, state).
        evaluation_params: Maps (params, state) to the weights that evaluations measure. They differ
            from the trained ones if the optimizer averages its iterates.
    """

    init: Callable[[Tree], Any]
    update: Callable[[Tree, Any, Tree, Hypers, Tensor], tuple[Tree, Any]]
    evaluation_params: Callable[[Tree, Any], Tree] = trained_params


def chain(*transformations: GradientTransformation) -> GradientTransformation:
    """Apply transformations in order (optax.chain). The state is the tuple of their states.

    >>> import torch
    >>> sgd = chain(clip_by_global_norm(), scale_by_learning_rate())
    >>> params, grads = {"w": torch.zeros(2)}, {"w": torch.tensor([3.0, 4.0])}
    >>> hypers = {name: torch.tensor(v) for name, v in
    ...           {"lr": 0.5, "multiplier": 1.0, "weight_decay": 0.0, "grad_clip": 1.0}.items()}
    >>> updates, _ = sgd.update(grads, sgd.init(params), params, hypers, torch.tensor(1.0))
    >>> updates["w"]
    tensor([-0.3000, -0.4000])
    """

    def init(params: Tree) -> tuple[Any, ...]:
        return tuple(transformation.init(params) for transformation in transformations)

    def update(
        updates: Tree, state: tuple[Any, ...], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, tuple[Any, ...]]:
        states = []
        for transformation, old_state in zip(transformations, state, strict=True):
            updates, new_state = transformation.update(updates, old_state, params, hypers, step)
            states.append(new_state)
        return updates, tuple(states)

    def evaluation_params(params: Tree, state: tuple[Any, ...]) -> Tree:
        for transformation, inner in zip(transformations, state, strict=True):
            params = transformation.evaluation_params(params, inner)
        return params

    if all(t.evaluation_params is trained_params for t in transformations):
        return GradientTransformation(init, update)
    return GradientTransformation(init, update, evaluation_params)


def stateless(update: Callable[[Tree, Tree, Hypers], Tree]) -> GradientTransformation:
    """Convert a function of (updates, params, hypers) to a transformation (optax.stateless).

    >>> import torch
    >>> double = stateless(lambda updates, params, hypers: {n: 2 * u for n, u in updates.items()})
    >>> double.update({"w": torch.tensor([3.0])}, {}, {}, {}, torch.tensor(1.0))
    ({'w': tensor([6.])}, {})
    """
    return GradientTransformation(
        lambda params: {},
        lambda updates, state, params, hypers, step: (update(updates, params, hypers), state),
    )


def identity() -> GradientTransformation:
    """Return the updates unchanged (optax.identity).

    >>> import torch
    >>> identity().update({"w": torch.tensor([3.0])}, {}, {}, {}, torch.tensor(1.0))
    ({'w': tensor([3.])}, {})
    """
    return stateless(lambda updates, params, hypers: updates)


def zeros_like(params: Tree) -> Tree:
    """Return zeros in the shapes of `params`, the usual initial state of a buffer.

    >>> import torch
    >>> zeros_like({"w": torch.tensor([3.0, 4.0])})
    {'w': tensor([0., 0.])}
    """
    return {name: p.new_zeros(p.shape) for name, p in params.items()}


def zero_buffers(*names: str) -> Callable[[Tree], dict[str, Tree]]:
    """Return the function that initializes several buffers with zeros, by their names.

    >>> import torch
    >>> zero_buffers("m", "v")({"w": torch.tensor([3.0])})
    {'m': {'w': tensor([0.])}, 'v': {'w': tensor([0.])}}
    """
    return lambda params: {name: zeros_like(params) for name in names}


def moving_average(average: Tree, values: Tree, decay: Tensor) -> Tree:
    """Return an exponential moving average after new values: β·average + (1 − β)·values.

    >>> import torch
    >>> moving_average({"w": torch.tensor(1.0)}, {"w": torch.tensor(3.0)}, torch.tensor(0.75))
    {'w': tensor(1.5000)}
    """
    # Computed in float64, before it meets float32 tensors.
    weight = 1 - decay
    return {name: decay * average[name] + weight * value for name, value in values.items()}


def global_norm(tree: Tree) -> Tensor:
    """Return the Euclidean norm of all elements of a tree (0-dimensional).

    >>> import torch
    >>> global_norm({"w": torch.tensor([3.0]), "b": torch.tensor(4.0)})
    tensor(5.)
    """
    squares = [t.square().sum() for t in tree.values()]
    return sum(squares[1:], squares[0]).sqrt()


def clip_by_global_norm() -> GradientTransformation:
    """Scale gradients so that their global norm is at most c: g ← g·min(1, c / (‖g‖ + 1e-6)).

    >>> import torch
    >>> grads, hypers = {"w": torch.tensor([3.0, 4.0])}, {"grad_clip": torch.tensor(1.0)}
    >>> clip_by_global_norm().update(grads, {}, {}, hypers, torch.tensor(1.0))[0]["w"]
    tensor([0.6000, 0.8000])

    c is ``hypers["grad_clip"]``. Source: Pascanu, Mikolov & Bengio 2013, Algorithm 1. The
    coefficient is that of torch.nn.utils.clip_grad_norm_.
    """

    def update(grads: Tree, params: Tree, hypers: Hypers) -> Tree:
        scale = (hypers["grad_clip"] / (global_norm(grads) + 1e-6)).clamp(max=1.0)
        return {name: g * scale for name, g in grads.items()}

    return stateless(update)


def scale_by_learning_rate() -> GradientTransformation:
    """Turn a direction into a descent step: u ← −η_t·u (optax.scale_by_learning_rate).

    >>> import torch
    >>> hypers = {"lr": torch.tensor(0.5), "multiplier": torch.tensor(0.5)}
    >>> direction = {"w": torch.tensor([1.0, -2.0])}
    >>> scale_by_learning_rate().update(direction, {}, {}, hypers, torch.tensor(1.0))[0]["w"]
    tensor([-0.2500,  0.5000])
    """

    def update(updates: Tree, params: Tree, hypers: Hypers) -> Tree:
        factor = -(hypers["multiplier"] * hypers["lr"])
        return {name: factor * u for name, u in updates.items()}

    return stateless(update)


def add_l2_penalty(*, cautious: bool) -> GradientTransformation:
    """Add the gradient of the penalty wd/2·‖θ‖²: g ← g + wd·θ, before the rule.

    >>> import torch
    >>> params, grads = {"w": torch.tensor([10.0])}, {"w": torch.tensor([1.0])}
    >>> hypers = {"weight_decay": torch.tensor(0.1)}
    >>> penalty = add_l2_penalty(cautious=False)
    >>> penalty.update(grads, {}, params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([2.])

    Source: Loshchilov & Hutter 2019, Algorithms 1 and 2, line 6; ``weight_decay`` of
    torch.optim.SGD and torch.optim.Adam.

    Args:
        cautious: Whether to decay only where θ and g agree in sign.
    """

    def update(grads: Tree, params: Tree, hypers: Hypers) -> Tree:
        wd = hypers["weight_decay"]
        return {
            name: g + wd * _decayed(params[name], g, cautious=cautious) for name, g in grads.items()
        }

    return stateless(update)


def add_decayed_weights(
    coefficient: Callable[[Hypers], Tensor], *, cautious: bool
) -> GradientTransformation:
    """Decay the weights in addition to the rule's step: u ← u − c·θ.

    >>> import torch
    >>> decay = add_decayed_weights(lambda hypers: hypers["weight_decay"], cautious=False)
    >>> params, updates = {"w": torch.tensor([10.0])}, {"w": torch.tensor([-1.0])}
    >>> hypers = {"weight_decay": torch.tensor(0.1)}
    >>> decay.update(updates, {}, params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([-2.])

    Source: Loshchilov & Hutter 2019, Algorithms 1 and 2, last line; torch.optim.AdamW.

    Args:
        coefficient: Maps hyperparameters to c; see `adamcmp.components.optimizers.COUPLINGS`.
        cautious: Whether to decay only where θ and −u agree in sign.
    """

    def update(updates: Tree, params: Tree, hypers: Hypers) -> Tree:
        c = coefficient(hypers)
        return {
            name: u - c * _decayed(params[name], -u, cautious=cautious)
            for name, u in updates.items()
        }

    return stateless(update)


def _decayed(param: Tensor, direction: Tensor, *, cautious: bool) -> Tensor:
    """Return the parameter values that decay: θ, or θ·1[direction·θ ≥ 0] if cautious.

    Source of the cautious mask: Chen et al. 2025, "Cautious Weight Decay" (arXiv 2510.12402),
    Algorithm 1.
    """
    return param * (direction * param >= 0) if cautious else param
