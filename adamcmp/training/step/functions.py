"""A training step and an evaluation step of all lanes, as functions of their state.

Engines execute these functions, so they use only tensor operations.

Shapes: M lanes, B batch, H hyperparameters.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from adamcmp.components.transformations import global_norm
from adamcmp.platform.global_generators import seeded_generators
from adamcmp.platform.random_streams import bits
from adamcmp.training.step.batching import (
    State,
    Tree,
    add_lane_dimension,
    over_lanes,
    remove_lane_dimension,
)
from adamcmp.training.step.config import StepConfig
from adamcmp.training.step.drivers import OptimizerDriver
from adamcmp.training.step.forward import Forward
from adamcmp.training.step.packing import Packing


class LaneFunctions:
    """The steps of all lanes as functions of their state.

    Args:
        network: The architecture.
        dropout_keys: Names of the buffers that hold dropout's random keys.
        packing: How the state stores the trained parameters.
        driver: Updates the parameters.
        step_config: The settings that the lanes share.

    Attributes:
        dropout_keys: Names of the buffers that hold dropout's random keys.
        fused: Whether the lanes are one batched computation.
        device: The device of the lanes.
        norm: Maps a tree of tensors to each lane's Euclidean norm (M,).
    """

    def __init__(
        self,
        network: nn.Module,
        dropout_keys: list[str],
        packing: Packing,
        driver: OptimizerDriver,
        step_config: StepConfig,
    ) -> None:
        self._forward = Forward(network, step_config)
        self.fused, self.device = step_config.fused, step_config.device
        self.dropout_keys, self._packing, self._driver = dropout_keys, packing, driver
        self.norm = over_lanes(global_norm, step_config.fused)

    def train(
        self, state: State, x_MB: Tensor, y_MB: Tensor, hypers_M: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Take one training step, changing `state` in place.

        Args:
            state: The lanes' state.
            x_MB: Inputs (M, B, *inputs).
            y_MB: Targets.
            hypers_M: Hyperparameters by name; ``step`` counts from 1.

        Returns:
            The loss before the step, the norm of its gradient, and the norm of the update, each
            (M,).
        """
        hypers_M = dict(hypers_M)
        step_M = hypers_M.pop("step")
        count_M = step_M.long()
        keys = {stream: bits(key, count_M) for stream, key in state["keys"].items()}
        gradients = _Gradients(self, state, keys, count_M, (x_MB, y_MB))
        with torch.no_grad():
            updates_M = self._driver.step(state, gradients, hypers_M, step_M)
            assert gradients.first is not None
            loss_M, grad_norm_M = gradients.first
            diverged_M = ~(loss_M <= state["bound"])  # true for NaN
            first_time_M = diverged_M & (state["stopped"] < 0)
            state["stopped"].copy_(torch.where(first_time_M, count_M - 1, state["stopped"]))
            return loss_M, grad_norm_M, self.norm(updates_M)

    def evaluate(
        self, state: State, x_B: Tensor, y_B: Tensor, weight_B: Tensor, valid_B: Tensor
    ) -> tuple[Tensor, ...]:
        """Measure all lanes on the same examples.

        Args:
            state: Holds ``params``, ``buffers`` and ``optimizer``.
            x_B: Inputs (B, *inputs).
            y_B: Targets.
            weight_B: Weights in the balanced error.
            valid_B: Whether the example counts; the others only pad the batch.

        Returns:
            Each lane's summed loss, summed error, and summed weighted error, each (M,), then the
            losses and the errors of the examples, each (M, B), all float64. An error is whether the
            class is wrong or, with real targets, the squared error.
        """
        lanes = next(iter(state["params"].values())).shape[0]
        unused = torch.zeros(lanes, dtype=torch.int64, device=x_B.device)
        buffers = state["buffers"] | dict.fromkeys(self.dropout_keys, unused)
        # Each lane gets a view of the examples. Without it, one product of the shared inputs with
        # all lanes' weights is computed, whose shape and thus rounding depend on the lanes.
        shared = [tensor.expand(lanes, *tensor.shape) for tensor in (x_B, y_B)]
        params = self._packing.unpack(self._driver.evaluation_params(state))
        *measured, assigned = self._forward.metrics(params, buffers, *shared)
        _update(buffers, assigned)
        loss_MB, error_MB = (
            torch.where(valid_B, values_MB.double(), 0.0) for values_MB in measured
        )
        return loss_MB.sum(1), error_MB.sum(1), (error_MB * weight_B).sum(1), loss_MB, error_MB

    def gradient_norm(self, grads: Tree) -> Tensor:
        """Return each lane's norm of the gradients (M,), which a single lane may have sparse."""
        dense = {n: g.coalesce().values()[None] if g.is_sparse else g for n, g in grads.items()}
        norm: Tensor = self.norm(dense)
        return norm

    def gradients(
        self,
        params: Tree,
        buffers: Tree,
        batch: tuple[Tensor, Tensor],
        key_M: Tensor,
        *,
        create_graph: bool = False,
    ) -> tuple[Tensor, Tree]:
        """Return each lane's training loss (M,) and its gradients at `params`.

        Args:
            params: Parameters in the form of the state; for the form of the gradients see
                `GradientFunction`.
            buffers: Buffers; a network in training mode changes its running statistics in place.
            batch: Inputs (M, B, *inputs) and targets.
            key_M: Keys of the random augmentation.
            create_graph: Whether the gradients can be differentiated with respect to `params`.
        """
        named = self._packing.unpack(params)
        if not create_graph:
            named = {name: param.detach().requires_grad_() for name, param in named.items()}
        # A second differentiation needs the buffers as they were.
        used = _copies(buffers) if create_graph else buffers
        with torch.enable_grad():
            loss_M, grads, assigned = self._differentiate(named, used, batch, key_M, create_graph)
        # Not before: autograd may need the old values.
        _update(buffers, {**used, **assigned} if create_graph else assigned)
        existing = {name: g for name, g in grads.items() if g is not None}
        complete = len(existing) == len(named)
        return loss_M.detach(), self._packing.pack(existing) if complete else existing

    def _differentiate(
        self,
        params: Tree,
        buffers: Tree,
        batch: tuple[Tensor, Tensor],
        key_M: Tensor,
        create_graph: bool,
    ) -> tuple[Tensor, dict[str, Tensor | None], Tree]:
        """Return the losses (M,), the gradients by parameter, and the assigned buffers.

        A single lane is differentiated without its lane dimension, since the gradient of an
        indexed tensor is never sparse.
        """
        arguments: tuple[Any, ...] = (params, buffers, *batch, key_M)
        if not self.fused:
            arguments = remove_lane_dimension(arguments)
        loss, assigned = self._forward.training_loss(*arguments)
        inputs: Tree = arguments[0]
        grads = torch.autograd.grad(
            loss.sum(), list(inputs.values()), create_graph=create_graph, allow_unused=True
        )
        if self.fused:
            return loss, dict(zip(inputs, grads, strict=True)), assigned
        by_name = {name: _of_single_lane(g) for name, g in zip(inputs, grads, strict=True)}
        return add_lane_dimension(loss), by_name, add_lane_dimension(assigned)


def _of_single_lane(grad: Tensor | None) -> Tensor | None:
    """Return the gradient of a parameter of one lane with the lane dimension."""
    if grad is None:
        return None
    # Convolutions may return another memory format, which would change the rounding of sums.
    return (grad.coalesce() if grad.is_sparse else grad.contiguous())[None]


def _copies(tree: Tree) -> Tree:
    return {name: tensor.clone() for name, tensor in tree.items()}


def _update(buffers: Tree, assigned: Tree) -> None:
    """Copy the tensors that a network has assigned to its buffers into those of the state."""
    with torch.no_grad():
        for name, value in assigned.items():
            buffers[name].copy_(value)


class _Gradients:
    """The gradient function of one step; see `OptimizerDriver.step`.

    Args:
        functions: Evaluates gradients.
        state: The lanes' state.
        keys: The step's key (M,) of each random stream.
        count_M: The step's number.
        batch: The step's inputs and targets.

    Attributes:
        first: Loss and norm of the gradient, each (M,), of the first evaluation.
    """

    def __init__(
        self,
        functions: LaneFunctions,
        state: State,
        keys: Tree,
        count_M: Tensor,
        batch: tuple[Tensor, Tensor],
    ) -> None:
        self.first: tuple[Tensor, Tensor] | None = None
        self._functions, self._batch = functions, batch
        # Batched functions need an argument for every key; `count_M` stands in for unused ones.
        dropout_key_M = keys.get("dropout", count_M)
        self._augmentation_key_M = keys.get("augmentation", count_M)
        self._buffers = state["buffers"] | dict.fromkeys(functions.dropout_keys, dropout_key_M)
        # The outputs of a user's network in training mode may depend on its running statistics.
        self._initial_buffers = self._buffers if functions.fused else _copies(self._buffers)

    def __call__(self, params: Tree, *, create_graph: bool = False) -> tuple[Tensor, Tree]:
        """Return losses (M,) and gradients at `params`."""
        if self.first is not None:
            return self._again(params, create_graph)
        loss_M, grads = self._evaluate(params, self._buffers, create_graph)
        # The norm is computed now, because a driver may clip the gradients in place.
        self.first = loss_M, self._functions.gradient_norm(grads)
        return loss_M, grads

    def _again(self, params: Tree, create_graph: bool) -> tuple[Tensor, Tree]:
        """Evaluate the same function of the parameters as in the first evaluation."""
        buffers = _copies(self._initial_buffers)  # only the first evaluation updates statistics
        if self._functions.fused:
            return self._evaluate(params, buffers, create_graph)
        # The networks of a single lane may draw from the global generators.
        with seeded_generators(torch.initial_seed(), self._functions.device):
            return self._evaluate(params, buffers, create_graph)

    def _evaluate(self, params: Tree, buffers: Tree, create_graph: bool) -> tuple[Tensor, Tree]:
        key_M = self._augmentation_key_M
        return self._functions.gradients(
            params, buffers, self._batch, key_M, create_graph=create_graph
        )
