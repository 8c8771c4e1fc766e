"""The initial networks and the initial state of a group's lanes.

Shapes: M lanes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from adamcmp.components.data import Shape
from adamcmp.components.layers import number_sites
from adamcmp.components.models import Model
from adamcmp.platform.global_generators import seeded_generators
from adamcmp.platform.random_streams import stream_seed
from adamcmp.training.step.batching import State, Tree
from adamcmp.training.step.config import StepConfig


@dataclass(frozen=True)
class InitialNetworks:
    """The initial networks of all lanes.

    Attributes:
        network: The architecture, with the weights of the first lane.
        dropout_keys: Names of the buffers that hold dropout's random keys.
        params: Trained parameters (M, ...) by name.
        buffers: Buffers (M, ...) by name, without dropout's keys, and parameters that a user's
            network has frozen.
    """

    network: nn.Module
    dropout_keys: list[str]
    params: Tree
    buffers: Tree


def build_network(model: Model, shape: Shape, seed: int) -> nn.Module:
    """Build a network whose weights depend on the seed only, the same on every device."""
    with seeded_generators(stream_seed(seed, "init")):
        return model.build(shape)


def initial_networks(step_config: StepConfig, seeds: list[int]) -> InitialNetworks:
    """Build each lane's network with the weights that its seed determines."""
    networks = [
        build_network(step_config.model, step_config.shape, seed).to(
            step_config.device, step_config.dtype
        )
        for seed in seeds
    ]
    network = networks[0]
    dropout_keys = number_sites(network)
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    params = _stack([dict(n.named_parameters()) for n in networks])
    buffers = _stack([dict(n.named_buffers()) for n in networks])
    buffers |= {name: params[name] for name in frozen}
    return InitialNetworks(
        network,
        dropout_keys,
        {name: param for name, param in params.items() if name not in frozen},
        {name: buffer for name, buffer in buffers.items() if name not in dropout_keys},
    )


def initial_state(
    step_config: StepConfig, seeds: list[int], params: Tree, initial: InitialNetworks
) -> State:
    """Return the lanes' state without the optimizer's; the first dimension of every tensor is M.

    Args:
        step_config: The settings that the lanes share.
        seeds: Each lane's seed.
        params: The trained parameters in the form of the state.
        initial: The initial networks.

    Returns:
        ``params``; ``buffers``; ``keys``, the key (M,) of each random stream that steps draw from;
        ``bound``, the training loss (M,) above which a lane has diverged; ``stopped``, the number
        of steps (M,) after which it diverged, or -1.
    """
    device, lanes = step_config.device, len(seeds)
    draws = {"dropout": initial.dropout_keys, "augmentation": any(step_config.augmentation)}
    streams = [stream for stream, is_drawn in draws.items() if is_drawn]
    return {
        "params": params,
        "buffers": initial.buffers,
        "keys": {
            stream: _keys([stream_seed(seed, stream) for seed in seeds], device)
            for stream in streams
        },
        "bound": torch.full((lanes,), torch.inf, dtype=torch.float64, device=device),
        "stopped": torch.full((lanes,), -1, dtype=torch.int64, device=device),
    }


def _stack(trees: list[dict[str, Any]]) -> Tree:
    return {name: torch.stack([tree[name].detach() for tree in trees]) for name in trees[0]}


def _keys(seeds: list[int], device: torch.device) -> Tensor:
    return torch.tensor(seeds, dtype=torch.int64, device=device)
