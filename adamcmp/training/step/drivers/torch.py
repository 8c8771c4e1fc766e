"""The driver of a torch.optim class.

Shapes: M lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from adamcmp.components.optimizers import ParameterGroup
from adamcmp.components.optimizers.torch import Torch, has_modes, requires_closure
from adamcmp.errors import ConfigError
from adamcmp.training.step.batching import State, Tree
from adamcmp.training.step.drivers._base import GradientFunction, OptimizerDriver
from adamcmp.training.step.packing import Packing


@final
class TorchDriver(OptimizerDriver):
    """Updates one lane's parameters with torch.optim classes or users' subclasses of them.

    The gradients at the present weights are set before each step, also of a class whose step gets a
    closure, which evaluates them again.

    Args:
        optimizer: The component with the class and its arguments.
        groups: The parameter groups, which may have classes of their own.
        clip: Whether gradients are clipped to the norm ``grad_clip``.
    """

    concatenates = False

    def __init__(self, optimizer: Torch, groups: Sequence[ParameterGroup], *, clip: bool) -> None:
        self._component, self._groups, self._clip = optimizer, groups, clip
        self._params: dict[str, nn.Parameter] = {}
        self.optimizers: list[torch.optim.Optimizer] = []
        self._passes_closure = False
        # The evaluation parameters since the last step, if a class has modes.
        self._evaluated: Tree | None = None

    def init(self, params: Tree, packing: Packing) -> Any:
        """See `OptimizerDriver.init`; the torch optimizers hold their state.

        Raises:
            ConfigError: If a class cannot be imported or does not take its arguments, or one of
                several classes needs a closure.
        """
        # Views of the one lane's parameters: the optimizers update the lanes' state.
        self._params = {name: nn.Parameter(param[0]) for name, param in params.items()}
        members = {g.label: [self._params[name] for name in g.names] for g in self._groups}
        self.optimizers = self._component.make(members)
        needing = [o for o in self.optimizers if requires_closure(type(o))]
        self._passes_closure = self._component.closure or bool(needing)
        if self._passes_closure and len(self.optimizers) > 1:
            name = type((needing or self.optimizers)[0]).__name__
            raise ConfigError(
                f"{name} gets a closure, which evaluates the gradients at weights that it changes, "
                f"so it must train all parameters: leave out optimizer.groups.*.target."
            )
        self._set_mode("train")
        return {}

    def step(
        self, state: State, gradients: GradientFunction, hypers_M: Tree, step_M: Tensor
    ) -> Tree:
        """See `OptimizerDriver.step`."""
        self._evaluated = None
        before = _copies(self._params)
        max_norm = float(hypers_M["grad_clip"]) if self._clip else None
        closure = _Closure(self._params, gradients, max_norm, self._component.create_graph)
        closure.evaluate(before)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:  # a class may split its parameters into several
                _set_hypers(group, hypers_M)
            step: Callable[..., Any] = optimizer.step
            step(*([closure] if self._passes_closure else []))
        self._restore_storage(state["params"])
        return {name: (p.detach() - before[name])[None] for name, p in self._params.items()}

    def _restore_storage(self, params: Tree) -> None:
        """Have the parameters hold the tensors of the lanes' state again.

        A class may have assigned others to ``param.data``. Gradients are freed, since a graph of
        them refers to the parameters.
        """
        for name, param in self._params.items():
            param.grad = None
            stored = params[name][0]
            if param.data_ptr() != stored.data_ptr():
                stored.copy_(param.detach())
                param.data = stored

    def evaluation_params(self, state: State) -> Tree:
        """See `OptimizerDriver.evaluation_params`.

        The weights of the mode for evaluation of a class such as a schedule-free one. The weights
        to train are restored exactly, so that evaluations do not change the training.
        """
        params: Tree = state["params"]
        if not any(has_modes(type(optimizer)) for optimizer in self.optimizers):
            return params
        if self._evaluated is None:
            trained = _copies(self._params)
            self._set_mode("eval")
            self._evaluated = {name: p[None] for name, p in _copies(self._params).items()}
            self._set_mode("train")
            for name, param in self._params.items():
                param.data.copy_(trained[name])
            self._restore_storage(params)
        return self._evaluated

    def _set_mode(self, mode: str) -> None:
        for optimizer in self.optimizers:
            if has_modes(type(optimizer)):
                getattr(optimizer, mode)()

    def state_dict(self) -> dict[str, Any]:
        """See `OptimizerDriver.state_dict`."""
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        return states[0] if len(states) == 1 else {"optimizers": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `OptimizerDriver.load_state_dict`."""
        states = state_dict.get("optimizers", [state_dict])
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict(state)
        self._evaluated = None


class _Closure:
    """Evaluates the loss and sets the gradients at the present weights, as torch's closures do.

    The gradients at the weights of the last evaluation are not computed again.

    Args:
        params: The parameters of the torch optimizer.
        gradients: Evaluates losses and gradients on the step's batch.
        max_norm: The norm to which gradients are clipped; None if they are not.
        create_graph: Whether the gradients can be differentiated.
    """

    def __init__(
        self,
        params: dict[str, nn.Parameter],
        gradients: GradientFunction,
        max_norm: float | None,
        create_graph: bool,
    ) -> None:
        self._params, self._gradients = params, gradients
        self._max_norm, self._create_graph = max_norm, create_graph
        self._weights: Tree
        self._loss: Tensor
        self._grads: Tree

    def __call__(self) -> Tensor:
        """Set the gradients and return the loss (0-dimensional)."""
        if all(p.detach().equal(self._weights[name]) for name, p in self._params.items()):
            self._set_gradients()
        else:
            self.evaluate(_copies(self._params))
        return self._loss

    def evaluate(self, weights: Tree) -> None:
        """Evaluate the loss and set the gradients.

        Args:
            weights: A copy of the present weights.
        """
        with torch.set_grad_enabled(self._create_graph):
            params = {name: p[None] for name, p in self._params.items()}
            loss_M, grads_M = self._gradients(params, create_graph=self._create_graph)
            grads = {name: grad[0] for name, grad in grads_M.items()}
            if self._max_norm is not None:
                grads = _clipped(grads, self._max_norm)
        self._weights, self._loss, self._grads = weights, loss_M[0], grads
        self._set_gradients()

    def _set_gradients(self) -> None:
        for name, param in self._params.items():
            grad = self._grads.get(name)
            # A class may change its gradients in place. Those with a graph it may only read.
            param.grad = grad if grad is None or self._create_graph else grad.clone()


def _clipped(grads: Tree, max_norm: float) -> Tree:
    """Clip gradients as torch.nn.utils.clip_grad_norm_ does, but not in place."""
    values = [g.coalesce().values() if g.is_sparse else g.detach() for g in grads.values()]
    scale = (max_norm / (nn.utils.get_total_norm(values) + 1e-6)).clamp(max=1.0)
    return {name: grad * scale for name, grad in grads.items()}


def _copies(params: dict[str, nn.Parameter]) -> Tree:
    return {name: p.detach().clone() for name, p in params.items()}


def _set_hypers(group: dict[str, Any], hypers_M: dict[str, Tensor]) -> None:
    """Set the scheduled values of one lane in a parameter group of a torch optimizer.

    A schedule's momentum cycle sets the same entries as torch.optim.lr_scheduler.OneCycleLR.
    """
    lr = float(hypers_M["multiplier"] * hypers_M["lr"])
    group["lr"] = lr * group["lr_scale"] if "lr_scale" in group else lr
    if "momentum" not in hypers_M:
        return
    momentum = float(hypers_M["momentum"])
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    elif "momentum" in group:
        group["momentum"] = momentum
