"""The driver of a torch.optim class.

Shapes: M lanes.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

from adamcmp.components.optimizers.torch import Torch
from adamcmp.training.step.batching import State, Tree
from adamcmp.training.step.drivers._base import GradientFunction, GroupHypers, OptimizerDriver
from adamcmp.training.step.packing import Packing


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
