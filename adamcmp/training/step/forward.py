"""Forward passes of a network: training losses, and the metrics of evaluations.

Shapes: M lanes, B batch, C outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from adamcmp.training.device_data import augment
from adamcmp.training.step.batching import Tree, over_lanes
from adamcmp.training.step.config import StepConfig


class Forward:
    """The forward passes of all lanes.

    Args:
        network: The architecture; each call receives the weights.
        step_config: The settings that the lanes share.

    Attributes:
        training_loss: Maps (params, buffers, x_MB, y_MB, key_M) to each lane's training loss (M,)
            and its assigned buffers; ``key_M`` holds the keys of the random augmentation. If lanes
            are not fused, no argument and no result has a lane dimension.
        metrics: Maps (params, buffers, x_MB, y_MB) to the loss of each example (M, B), whether its
            predicted class is wrong or, with real targets, its squared error averaged over the
            outputs (M, B), and the assigned buffers.

    The assigned buffers are those for which the network has computed new tensors (M, ...), by name.
    Buffers that it changes in place are not among them.
    """

    def __init__(self, network: nn.Module, step_config: StepConfig) -> None:
        self._network, self._config = _WithAssignedBuffers(network), step_config
        one_lane = self._training_loss_of_lane
        self.training_loss = torch.vmap(one_lane) if step_config.fused else one_lane
        self.metrics = over_lanes(self._metrics_of_lane, step_config.fused)

    def _training_loss_of_lane(
        self, params: Tree, buffers: Tree, x_B: Tensor, y_B: Tensor, key: Tensor
    ) -> tuple[Tensor, Tree]:
        if any(self._config.augmentation):
            x_B = augment(x_B, key, self._config.augmentation, self._config.padding_value)
        outputs_BC, assigned = self._outputs(params, buffers, x_B)
        return self._config.loss.training(outputs_BC, y_B), assigned

    def _metrics_of_lane(
        self, params: Tree, buffers: Tree, x_B: Tensor, y_B: Tensor
    ) -> tuple[Tensor, Tensor, Tree]:
        outputs_BC, assigned = self._outputs(params, buffers, x_B)
        loss_B = self._config.loss.measured(outputs_BC, y_B)
        if y_B.is_floating_point():
            return loss_B, (outputs_BC - y_B).square().mean(-1), assigned
        # argmax treats NaN as the largest value; an example with such outputs counts as wrong.
        finite_B = outputs_BC.isfinite().all(-1)
        return loss_B, ~((outputs_BC.argmax(-1) == y_B) & finite_B), assigned

    def _outputs(self, params: Tree, buffers: Tree, x_B: Tensor) -> tuple[Tensor, Tree]:
        """Return the network's outputs (B, C) for one lane, and its assigned buffers."""
        if self._config.model.channels_last and not self._config.fused:
            x_B, params = _channels_last(x_B), {n: _channels_last(p) for n, p in params.items()}
        with torch.autocast(
            x_B.device.type, torch.bfloat16, enabled=self._config.autocast, cache_enabled=False
        ):
            tensors = {f"network.{name}": t for name, t in (params | buffers).items()}
            outputs_BC, assigned = functional_call(self._network, tensors, (x_B,))
        return outputs_BC.to(self._config.dtype), assigned


class _WithAssignedBuffers(nn.Module):
    """A network that also returns the buffers to which its forward assigned new tensors.

    `functional_call` restores the original buffers afterwards, so that they would be lost.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        paths = {name: name.rpartition(".") for name, _ in network.named_buffers()}
        self._owners = {
            name: (network.get_submodule(owner), attribute)
            for name, (owner, _, attribute) in paths.items()
        }

    def forward(self, x: Tensor) -> tuple[Tensor, Tree]:
        """Return the network's outputs and the new tensors by the name of the buffer."""
        before = self._buffers_by_name()
        outputs: Tensor = self.network(x)
        after = self._buffers_by_name()
        return outputs, {n: b.detach() for n, b in after.items() if b is not before[n]}

    def _buffers_by_name(self) -> Tree:
        return {name: getattr(owner, attr) for name, (owner, attr) in self._owners.items()}


def _channels_last(tensor: Tensor) -> Tensor:
    """Return 4-dimensional tensors in channels-last memory format, others unchanged."""
    if tensor.ndim != 4:
        return tensor
    # `contiguous` would not copy a tensor with one channel: it counts as channels-last already.
    return tensor.clone(memory_format=torch.channels_last)
