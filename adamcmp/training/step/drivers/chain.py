"""The driver of a rule with its coupling: a chain of gradient transformations.

Shapes: M lanes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, final

import torch
from torch import Tensor

from adamcmp.components.optimizers import Rule
from adamcmp.components.transformations import clip_by_global_norm
from adamcmp.training.step.batching import State, Tree, copy_into, over_lanes
from adamcmp.training.step.drivers._base import GradientFunction, GroupHypers, OptimizerDriver
from adamcmp.training.step.packing import Packing, ParameterGroups


@final
class ChainDriver(OptimizerDriver):
    """Updates the lanes' parameters by a chain of gradient transformations.

    Args:
        optimizer: The rule with its coupling.
        clip: Whether gradients are clipped to the norm ``grad_clip`` of all groups together.
        fused: Whether the lanes are one batched computation.
    """

    def __init__(self, optimizer: Rule, *, clip: bool, fused: bool) -> None:
        self.elementwise = optimizer.elementwise
        self._transformation = optimizer.chain()
        self._fused = fused
        self._clip = self._over_lanes(_clip) if clip else None
        self._packing: Packing
        # Steps in which a parameter had no gradient, by name.
        self._skipped: Counter[str] = Counter()

    def _over_lanes(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return over_lanes(function, self._fused)

    def init(self, params: Tree, packing: Packing) -> Any:
        """See `OptimizerDriver.init`."""
        self._packing = packing

        def init_lane(params: Tree) -> Any:
            groups = packing.groups
            return tuple(self._transformation.init(_select(params, names)) for names in groups)

        return self._over_lanes(init_lane)(params)

    def step(
        self, state: State, gradients: GradientFunction, hypers: GroupHypers, step_M: Tensor
    ) -> Tree:
        """See `OptimizerDriver.step`."""
        _, grads = gradients(state["params"])
        if self._clip is not None:
            grads = self._clip(grads, hypers[0])
        if self._skipped or grads.keys() != state["params"].keys():
            return self._update_existing(grads, state, hypers, step_M)
        return self._update(
            grads, state["optimizer"], state["params"], self._packing.groups, hypers, step_M
        )

    def _update(
        self,
        grads: Tree,
        optimizer_state: Any,
        params: Tree,
        groups: ParameterGroups,
        hypers: GroupHypers,
        step_M: Tensor,
    ) -> Tree:
        """Update parameters and their state in place; return the updates."""

        def update_lane(
            grads: Tree, state: Any, params: Tree, hypers: GroupHypers, step: Tensor
        ) -> tuple[Tree, Any]:
            updates: Tree = {}
            states = []
            for names, group_state, group_hypers in zip(groups, state, hypers, strict=True):
                group_updates, new_state = self._transformation.update(
                    _select(grads, names), group_state, _select(params, names), group_hypers, step
                )
                updates |= group_updates
                states.append(new_state)
            return updates, tuple(states)

        updates: Tree
        updates, new_state = self._over_lanes(update_lane)(
            grads, optimizer_state, params, tuple(hypers), step_M
        )
        for name, param in params.items():
            param.add_(updates[name])
        copy_into(optimizer_state, new_state)
        return updates

    def _update_existing(
        self, grads: Tree, state: State, hypers: GroupHypers, step_M: Tensor
    ) -> Tree:
        """Update only the parameters that have a gradient, as torch does.

        The other parameters and their state stay. Each parameter counts its own steps, on which
        Adam's bias correction depends. Names are those of parameters, not of concatenations.
        """
        params = self._packing.unpack(state["params"])
        if not grads.keys() <= params.keys():
            grads = self._packing.unpack(grads)
        updates: Tree = {}
        for skipped in {self._skipped[name] for name in grads}:
            names = [name for name in grads if self._skipped[name] == skipped]
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
                hypers,
                step_M - skipped,
            )
        self._skipped.update(params.keys() - grads.keys())
        return updates

    def _part(self, tree: Any, names: Sequence[str]) -> Any:
        """Return the part of a group's optimizer state that belongs to some parameters, as views.

        The leaves of the state are dicts with the names of some or all of the group's tensors.
        """
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
