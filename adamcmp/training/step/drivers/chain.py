"""The driver of a rule with its coupling: a chain of gradient transformations.

Shapes: M lanes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, final

import torch
from torch import Tensor

from adamcmp.components.optimizers import ParameterGroup, Rule
from adamcmp.components.transformations import clip_by_global_norm, trained_params
from adamcmp.components.wrappers import sam_ascent
from adamcmp.training.step.batching import State, Tree, copy_into, over_lanes
from adamcmp.training.step.drivers._base import GradientFunction, OptimizerDriver
from adamcmp.training.step.packing import Packing, ParameterGroups


@final
class ChainDriver(OptimizerDriver):
    """Updates the lanes' parameters by a chain of gradient transformations.

    Args:
        optimizer: The rule with its coupling.
        groups: The parameter groups.
        clip: Whether gradients are clipped to the norm ``grad_clip`` of all groups together.
        fused: Whether the lanes are one batched computation.
    """

    def __init__(
        self, optimizer: Rule, groups: Sequence[ParameterGroup], *, clip: bool, fused: bool
    ) -> None:
        self.concatenates = optimizer.concatenates
        self._optimizer, self._groups, self._fused = optimizer, groups, fused
        self._chains = [optimizer.group_chain(group) for group in groups]
        self._clip = self._over_lanes(_clip) if clip else None
        self._ascent: Callable[..., Tree] | None = None
        if optimizer.sam_rho:
            ascent = partial(sam_ascent, adaptive=optimizer.sam_adaptive)
            self._ascent = self._over_lanes(ascent)
        self._packing: Packing
        # Steps in which a parameter had no gradient, by name.
        self._skipped: Counter[str] = Counter()

    def _over_lanes(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return over_lanes(function, self._fused)

    def init(self, params: Tree, packing: Packing) -> Any:
        """See `OptimizerDriver.init`."""
        self._packing = packing

        def init_lane(params: Tree) -> Any:
            pairs = zip(self._chains, packing.groups, strict=True)
            return tuple(chain.init(_select(params, names)) for chain, names in pairs)

        return self._over_lanes(init_lane)(params)

    def step(
        self, state: State, gradients: GradientFunction, hypers_M: Tree, step_M: Tensor
    ) -> Tree:
        """See `OptimizerDriver.step`."""
        params = state["params"]
        _, grads = gradients(params)
        if self._ascent is not None:
            _, grads = gradients(self._ascended(params, grads, hypers_M))
        if self._clip is not None:
            grads = self._clip(grads, hypers_M)
        if self._skipped or grads.keys() != params.keys():
            return self._update_existing(grads, state, hypers_M, step_M)
        return self._update(
            grads, state["optimizer"], params, self._packing.groups, hypers_M, step_M
        )

    def _ascended(self, params: Tree, grads: Tree, hypers_M: Tree) -> Tree:
        """Return the parameters after SAM's ascent step, in the form of the state."""
        assert self._ascent is not None
        if grads.keys() == params.keys():
            ascent = self._ascent(grads, params, hypers_M)
            return {name: param + ascent[name] for name, param in params.items()}
        named = self._packing.unpack(params)
        ascent = self._ascent(grads, _select(named, list(grads)), hypers_M)
        moved = {name: p + ascent[name] if name in ascent else p for name, p in named.items()}
        return self._packing.pack(moved)

    def evaluation_params(self, state: State) -> Tree:
        """See `OptimizerDriver.evaluation_params`."""
        if all(chain.evaluation_params is trained_params for chain in self._chains):
            return super().evaluation_params(state)

        def evaluated(params: Tree, states: Any) -> Tree:
            measured: Tree = {}
            groups = zip(self._chains, self._packing.groups, states, strict=True)
            for chain, names, group_state in groups:
                measured |= chain.evaluation_params(_select(params, names), group_state)
            return measured

        params: Tree = self._over_lanes(evaluated)(state["params"], state["optimizer"])
        return params

    def _update(
        self,
        grads: Tree,
        optimizer_state: Any,
        params: Tree,
        names_of_groups: ParameterGroups,
        hypers_M: Tree,
        step_M: Tensor,
    ) -> Tree:
        """Update parameters and their state in place; return the updates."""

        def update_lane(
            grads: Tree, states: Any, params: Tree, hypers: Tree, step: Tensor
        ) -> tuple[Tree, Any]:
            updates: Tree = {}
            new_states = []
            groups = zip(self._groups, self._chains, names_of_groups, states, strict=True)
            for group, chain, names, state in groups:
                new_state = state
                if names:  # a group may have no parameter with a gradient
                    group_updates, new_state = chain.update(
                        _select(grads, names),
                        state,
                        _select(params, names),
                        self._optimizer.group_hypers(group, hypers),
                        step,
                    )
                    updates |= group_updates
                new_states.append(new_state)
            return updates, tuple(new_states)

        updates: Tree
        updates, new_states = self._over_lanes(update_lane)(
            grads, optimizer_state, params, hypers_M, step_M
        )
        for name, param in params.items():
            param.add_(updates[name])
        copy_into(optimizer_state, new_states)
        return updates

    def _update_existing(self, grads: Tree, state: State, hypers_M: Tree, step_M: Tensor) -> Tree:
        """Update only the parameters that have a gradient, as torch does.

        The other parameters and their state stay. Each parameter counts its own steps, on which
        Adam's bias correction depends, unless the rule's parameters share them. Names are those of
        parameters, not of concatenations.
        """
        params = self._packing.unpack(state["params"])
        if not grads.keys() <= params.keys():
            grads = self._packing.unpack(grads)
        updates: Tree = {}
        skips: Counter[str] = Counter() if self._optimizer.shares_steps else self._skipped
        for skipped in {skips[name] for name in grads}:
            names = [name for name in grads if skips[name] == skipped]
            groups = [[n for n in group if n in names] for group in self._packing.parameter_groups]
            optimizer_state = tuple(
                self._part(group_state, group)
                for group_state, group in zip(state["optimizer"], groups, strict=True)
            )
            updates |= self._update(
                _select(grads, names),
                optimizer_state,
                _select(params, names),
                groups,
                hypers_M,
                step_M - skipped,
            )
        self._skipped.update(params.keys() - grads.keys())
        return updates

    def _part(self, tree: Any, names: Sequence[str]) -> Any:
        """Return the part of a group's optimizer state that belongs to some parameters, as views.

        The leaves of the state are dicts with the names of some or all of the group's tensors, or
        tensors that the whole group shares.
        """
        if isinstance(tree, Tensor):
            return tree
        if isinstance(tree, tuple):
            return tuple(self._part(branch, names) for branch in tree)
        if all(isinstance(branch, Tensor) for branch in tree.values()):
            unpacked = self._packing.unpack(tree)
            return {name: unpacked[name] for name in names if name in unpacked}
        return {key: self._part(branch, names) for key, branch in tree.items()}

    def state_dict(self) -> dict[str, Any]:
        """See `OptimizerDriver.state_dict`."""
        return {"skipped": dict(self._skipped)} if self._skipped else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `OptimizerDriver.load_state_dict`."""
        self._skipped = Counter(state_dict.get("skipped", {}))


def _clip(grads: Tree, hypers: dict[str, Tensor]) -> Tree:
    """Clip the gradients of one lane to the norm ``grad_clip``."""
    # Clipping depends neither on parameters nor on the step.
    clipped, _ = clip_by_global_norm().update(grads, {}, {}, hypers, torch.empty(()))
    return clipped


def _select(tree: Tree, names: Sequence[str]) -> Tree:
    return {name: tree[name] for name in names}
