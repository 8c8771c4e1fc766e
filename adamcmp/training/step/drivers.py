"""Optimizer drivers: they update the lanes' parameters in one training step.

Shapes: M lanes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any, final

import torch
from torch import Tensor, nn

from adamcmp.components.optimizers import Optimizer, Rule
from adamcmp.components.optimizers.torch import Torch
from adamcmp.components.transformations import clip_by_global_norm
from adamcmp.training.step.batching import State, Tree, copy_into, over_lanes
from adamcmp.training.step.packing import Packing, ParameterGroups

#: Maps parameters, as the state holds them, to each lane's loss (M,) and its gradients, which have
#: the names and shapes of the parameters. If the loss does not depend on some parameters, the
#: gradients of the others are given by the names of the parameters, whatever the state's form. A
#: step may call it several times.
GradientFunction = Callable[[Tree], tuple[Tensor, Tree]]
#: The hyperparameters of each parameter group: values (M,) float64 by name.
GroupHypers = Sequence[dict[str, Tensor]]


class OptimizerDriver(ABC):
    """Updates the lanes' parameters in one training step.

    Attributes:
        elementwise: Whether the update of each scalar depends only on the gradients of that scalar
            (apart from clipping), so that parameters may be concatenated.
    """

    elementwise: bool

    @abstractmethod
    def init(self, params: Tree, packing: Packing) -> Any:
        """Return the optimizer's initial state: a tree of tensors, stored in the lanes' state.

        Args:
            params: All lanes' parameters, as the lanes' state holds them.
            packing: How the state holds the parameters, and their parameter groups.
        """

    @abstractmethod
    def step(
        self, state: State, gradients: GradientFunction, hypers: GroupHypers, step_M: Tensor
    ) -> Tree:
        """Update ``state["params"]`` and ``state["optimizer"]`` in place.

        Args:
            state: The lanes' state.
            gradients: Evaluates losses and gradients on the step's batch. The loss and
                gradient norm of the first call are recorded; later calls leave running statistics,
                such as batch norm's, unchanged.
            hypers: Hyperparameters of each parameter group.
            step_M: The step's number, counted from 1, float64.

        Returns:
            The change of each tensor of ``state["params"]``.
        """

    def evaluation_params(self, state: State) -> Tree:
        """Return the parameters that evaluations measure, with names and shapes of the parameters.

        By default, these are the parameters that the optimizer updates. Schedule-free methods and
        weight averages override this method.

        Args:
            state: Holds at least ``params`` and ``optimizer``.
        """
        params: Tree = state["params"]
        return params

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a checkpoint needs in addition to that of `init`."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        if state_dict:
            raise ValueError("this optimizer keeps no state outside the lanes' state")


@singledispatch
def create_driver(optimizer: Optimizer, *, clip: bool, fused: bool) -> OptimizerDriver:
    """Return the driver of an optimizer. Other optimizer classes can register a driver.

    Args:
        optimizer: The optimizer component.
        clip: Whether gradients are clipped to the norm ``grad_clip``, a hyperparameter.
        fused: Whether the lanes are one batched computation.
    """
    raise TypeError(f"no driver is registered for {type(optimizer).__name__}")


@create_driver.register
def _(optimizer: Rule, *, clip: bool, fused: bool) -> OptimizerDriver:
    return ChainDriver(optimizer, clip=clip, fused=fused)


@create_driver.register
def _(optimizer: Torch, *, clip: bool, fused: bool) -> OptimizerDriver:
    return TorchDriver(optimizer, clip=clip)


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

        The leaves of the state are dicts with the names of the group's tensors, or empty.
        """
        if isinstance(tree, tuple):
            return tuple(self._part(branch, names) for branch in tree)
        if all(isinstance(branch, Tensor) for branch in tree.values()):
            return _select(self._packing.unpack(tree), names) if tree else tree
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


@final
class TorchDriver(OptimizerDriver):
    """Updates one lane's parameters with a torch.optim class or a user's subclass of one.

    Args:
        optimizer: The component with the class and its arguments.
        clip: Whether gradients are clipped to the norm ``grad_clip``.
    """

    elementwise = False

    def __init__(self, optimizer: Torch, *, clip: bool) -> None:
        self._component = optimizer
        self._clip = clip
        self._params: dict[str, nn.Parameter] = {}
        self._optimizer: torch.optim.Optimizer | None = None

    def init(self, params: Tree, packing: Packing) -> Any:
        """See `OptimizerDriver.init`; the torch optimizer holds its state.

        Raises:
            ConfigError: If the class cannot be imported or does not take its arguments.
        """
        if len(packing.groups) != 1:
            raise ValueError("a torch.optim class is trained with a single parameter group")
        # Views of the one lane's parameters: the optimizer updates the lanes' state.
        self._params = {name: nn.Parameter(param[0]) for name, param in params.items()}
        self._optimizer = self._component.make(list(self._params.values()))
        return {}

    def step(
        self, state: State, gradients: GradientFunction, hypers: GroupHypers, step_M: Tensor
    ) -> Tree:
        """See `OptimizerDriver.step`."""
        assert self._optimizer is not None
        _, grads = gradients(state["params"])
        before = {name: p.detach().clone() for name, p in self._params.items()}
        for name, param in self._params.items():
            param.grad = grads[name][0] if name in grads else None
        (hypers_M,) = hypers
        if self._clip:
            nn.utils.clip_grad_norm_(self._params.values(), float(hypers_M["grad_clip"]))
        for group in self._optimizer.param_groups:  # a class may split its parameters into several
            _set_hypers(group, hypers_M)
        self._optimizer.step()
        return {name: (p.detach() - before[name])[None] for name, p in self._params.items()}

    def state_dict(self) -> dict[str, Any]:
        """See `OptimizerDriver.state_dict`."""
        assert self._optimizer is not None
        return self._optimizer.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `OptimizerDriver.load_state_dict`."""
        assert self._optimizer is not None
        self._optimizer.load_state_dict(state_dict)


def _select(tree: Tree, names: Sequence[str]) -> Tree:
    return {name: tree[name] for name in names}


def _set_hypers(group: dict[str, Any], hypers_M: dict[str, Tensor]) -> None:
    """Set the scheduled values of one lane in a parameter group of a torch optimizer.

    A schedule's momentum cycle sets the same entries as torch.optim.lr_scheduler.OneCycleLR.
    """
    group["lr"] = float(hypers_M["multiplier"] * hypers_M["lr"])
    if "momentum" not in hypers_M:
        return
    momentum = float(hypers_M["momentum"])
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    elif "momentum" in group:
        group["momentum"] = momentum
