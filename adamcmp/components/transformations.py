"""Links: the small pure functions that optimizers are chained from.

A transformation is a pair ``init(params) -> state`` and
``update(updates, state, params, hypers, step) -> (updates, state)``. The first one of a chain
is given the gradients, the last one's output is added to the parameters. Everything is written
for *one* run with ordinary shapes; the lane axis is added by the engine (vmap).

Hyperparameters arrive as 0-dimensional float64 tensors, one value per run, so that lanes may
differ in every number; 1 − β and the like are computed in float64 before they meet float32
parameters, as torch.optim does with Python floats. ``hypers`` always holds ``lr`` (the base
learning rate), ``multiplier`` (the schedule's s_t) and ``weight_decay``; η_t below is
``multiplier * lr``. ``step`` counts from 1. No transformation modifies its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    Tree = dict[str, Tensor]
    Hypers = Mapping[str, Tensor]

DecayFilter = Literal["all", "no_bias_norm"]


class GradientTransformation(NamedTuple):
    """One pure transformation of updates, with its state."""

    init: Callable[[Tree], Any]
    update: Callable[[Tree, Any, Tree, Hypers, Tensor], tuple[Tree, Any]]


def chain(*transformations: GradientTransformation) -> GradientTransformation:
    """Apply `transformations` in order; the state is the tuple of their states."""

    def init(params: Tree) -> tuple[Any, ...]:
        return tuple(transformation.init(params) for transformation in transformations)

    def update(
        updates: Tree, state: tuple[Any, ...], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, tuple[Any, ...]]:
        states = []
        for transformation, transformation_state in zip(transformations, state, strict=True):
            updates, transformation_state = transformation.update(
                updates, transformation_state, params, hypers, step
            )
            states.append(transformation_state)
        return updates, tuple(states)

    return GradientTransformation(init, update)


def stateless(update: Callable[[Tree, Tree, Hypers], Tree]) -> GradientTransformation:
    """Return the transformation of a function of (updates, params, hypers) that keeps no state."""
    return GradientTransformation(
        lambda params: {},
        lambda updates, state, params, hypers, step: (update(updates, params, hypers), state),
    )


def zeros_like(params: Tree) -> Tree:
    """Return zeros in the shape of `params`: the usual initial state of a buffer."""
    return {name: p.new_zeros(p.shape) for name, p in params.items()}


def global_norm(tree: Tree) -> Tensor:
    """Return the Euclidean norm of all of a tree's numbers together (0-dimensional)."""
    squares = [t.square().sum() for t in tree.values()]
    return sum(squares[1:], squares[0]).sqrt()


def clip_by_global_norm() -> GradientTransformation:
    """Scale gradients down to norm ``hypers["grad_clip"]`` where they exceed it.

    Source: Pascanu et al. 2013; the coefficient is torch.nn.utils.clip_grad_norm_'s,
    min(1, c / (‖g‖ + 1e-6)).
    """

    def update(grads: Tree, params: Tree, hypers: Hypers) -> Tree:
        scale = (hypers["grad_clip"] / (global_norm(grads) + 1e-6)).clamp(max=1.0)
        return {name: g * scale for name, g in grads.items()}

    return stateless(update)


def scale_by_learning_rate() -> GradientTransformation:
    """Turn a direction d into the step −η_t·d."""

    def update(updates: Tree, params: Tree, hypers: Hypers) -> Tree:
        eta = hypers["multiplier"] * hypers["lr"]
        return {name: -(eta * u) for name, u in updates.items()}

    return stateless(update)


def add_l2_penalty(decay_filter: DecayFilter, cautious: bool) -> GradientTransformation:
    """Add the penalty's gradient: g ← g + wd·θ, the gradient of wd/2·‖θ‖².

    Source: Loshchilov & Hutter 2019, Algorithms 1 and 2, line 6 (pink); torch's
    ``weight_decay`` of SGD and Adam.
    """

    def update(grads: Tree, params: Tree, hypers: Hypers) -> Tree:
        return {
            name: g + hypers["weight_decay"] * _decayed(params[name], g, decay_filter, cautious)
            for name, g in grads.items()
        }

    return stateless(update)


def add_decayed_weights(
    coefficient: Callable[[Hypers], Tensor], decay_filter: DecayFilter, cautious: bool
) -> GradientTransformation:
    """Decay the weights beside the step: u ← u − c·θ with c = ``coefficient(hypers)``.

    Source: Loshchilov & Hutter 2019, Algorithms 1 and 2 (green). What c is depends on the
    coupling; see `adamcmp.components.optimizers.COUPLINGS`.
    """

    def update(updates: Tree, params: Tree, hypers: Hypers) -> Tree:
        c = coefficient(hypers)
        return {
            name: u - c * _decayed(params[name], -u, decay_filter, cautious)
            for name, u in updates.items()
        }

    return stateless(update)


def _decayed(param: Tensor, direction: Tensor, decay_filter: DecayFilter, cautious: bool) -> Tensor:
    """Return the part of `param` that decays: all of it, or θ·1[direction·θ ≥ 0].

    Cautious decay is Chen et al. 2025, "Cautious Weight Decay" (arXiv 2510.12402), Algorithm 1.
    """
    if decay_filter == "no_bias_norm" and param.ndim < 2:
        return param.new_zeros(param.shape)
    return param * (direction * param >= 0) if cautious else param
