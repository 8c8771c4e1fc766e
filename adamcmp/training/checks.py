"""What is checked of a group before anything is written."""

from __future__ import annotations

import traceback
from pathlib import Path

import torch
from torch import Tensor

from adamcmp.components.data import Data
from adamcmp.components.datasets import load_cached
from adamcmp.components.optimizers.torch import Torch
from adamcmp.config import RunConfig
from adamcmp.errors import ConfigError
from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.loop import torch_state


def check_group(group: LaneGroup) -> None:
    """Check that a group can be trained: its data load, its model fits them.

    Raises:
        AdamcmpError: When not; nothing has been written by then.
    """
    config = group.specs[0].config
    data = load_cached(config.dataset)
    if config.protocol.batch_size > len(data.train):
        raise ConfigError(
            f"batch_size={config.protocol.batch_size}: {config.dataset.name} trains on "
            f"{len(data.train)} examples."
        )
    examined = config.protocol.eval.train_examples
    if examined is not None and examined > len(data.train):
        raise ConfigError(
            f"eval.train_examples={examined}: {config.dataset.name} trains on "
            f"{len(data.train)} examples."
        )
    with torch_state():
        try:
            network = config.model.build(data.shape)
            _check_network(network, config, data)
        except ConfigError as error:
            raise ConfigError(f"{error} {_asked(config)}") from error
    if isinstance(config.optimizer, Torch):
        config.optimizer.make(list(network.parameters()))


def _asked(config: RunConfig) -> str:
    """Say which of a sweep's models on which dataset it is."""
    settings = config.model.model_dump(exclude_defaults=True, exclude={"name"})
    words = [f"model.{key}={value}" for key, value in settings.items()]
    return f"(dataset={config.dataset.name}, {', '.join([f'model={config.model.name}', *words])})"


def _place(error: Exception) -> str:
    """Return where in the user's own code an error came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    last = (own or frames)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"


def _check_network(network: torch.nn.Module, config: RunConfig, data: Data) -> None:
    """Show a network two examples: a model of the user's own may not fit them."""
    if not any(p.requires_grad for p in network.parameters()):
        raise ConfigError(f"model={config.model.name} has no parameters to train.")
    x = torch.as_tensor(data.train.x[:2]).float()
    try:
        with torch.no_grad():
            outputs = network(x)
    except Exception as error:
        reason = (str(error) or "no reason given").splitlines()[0]
        raise ConfigError(
            f"model={config.model.name} fails on examples of shape {tuple(data.shape.inputs)} "
            f"({_place(error)}: {type(error).__name__}: {reason})."
        ) from error
    wanted = (len(x), data.shape.outputs)
    found = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if found != wanted:
        raise ConfigError(
            f"model={config.model.name}: its outputs for {len(x)} examples should have shape "
            f"{wanted}, not {found}."
        )
