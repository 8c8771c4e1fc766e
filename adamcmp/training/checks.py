"""Checks that a run can be trained, before anything is written."""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from adamcmp.components.data import Data
from adamcmp.components.datasets import load_cached
from adamcmp.config import RunConfig
from adamcmp.errors import ConfigError
from adamcmp.training.step.drivers import create_driver
from adamcmp.training.torch_state import torch_state

_OF_MEMORY = re.compile("can't allocate memory|out of memory|size calculation overflowed")


def check_run(config: RunConfig) -> tuple[str, ...]:
    """Check that a run's dataset loads and that its model and optimizer can be built for it.

    Returns:
        What the user should know about the data.

    Raises:
        AdamcmpError: If one of these checks fails.
    """
    data = load_cached(config.dataset)
    protocol = config.protocol
    _check_count("batch_size", protocol.batch_size, config, data)
    _check_count("eval.train_examples", protocol.eval.train_examples or 0, config, data)
    with torch_state():
        try:
            network = config.model.build(data.shape)
            _check_network(network, config, data)
        except ConfigError as error:
            raise ConfigError(f"{error} {_settings(config)}") from error
    params = {name: param.detach()[None] for name, param in network.named_parameters()}
    create_driver(config.optimizer, clip=False, fused=False).init(params, [list(params)])
    return config.dataset.examine(data)


@contextlib.contextmanager
def memory_errors(config: RunConfig) -> Iterator[None]:
    """Convert torch's errors for a model that does not fit in memory to a `ConfigError`."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        text = f"model={config.model.name} does not fit in memory. Make it smaller"
        raise ConfigError(f"{text} {_settings(config)}.") from error


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that memory is exhausted; torch raises a `RuntimeError`."""
    return isinstance(error, MemoryError) or _OF_MEMORY.search(str(error)) is not None


def _check_count(setting: str, count: int, config: RunConfig, data: Data) -> None:
    """Check that a setting does not exceed the number of training examples."""
    if count > len(data.train):
        raise ConfigError(
            f"{setting}={count}: {config.dataset.name} trains on {len(data.train)} examples."
        )


def _check_network(network: nn.Module, config: RunConfig, data: Data) -> None:
    """Pass two examples through a network, since a user's model may not accept them."""
    if not any(p.requires_grad for p in network.parameters()):
        raise ConfigError(f"model={config.model.name} has no parameters to train.")
    # Two, since batch normalization in training mode fails on a single example.
    x = torch.as_tensor(data.train.x[:2]).float()
    try:
        with torch.no_grad():
            outputs = network(x)
    except Exception as error:
        reason = (str(error) or "no reason given").splitlines()[0]
        raise ConfigError(
            f"model={config.model.name} fails on examples of shape {tuple(data.shape.inputs)} "
            f"({_source_line(error)}: {type(error).__name__}: {reason})."
        ) from error
    expected = (len(x), data.shape.outputs)
    actual = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if actual != expected:
        raise ConfigError(
            f"model={config.model.name}: its outputs for {len(x)} examples should have shape "
            f"{expected}, not {actual}."
        )


def _settings(config: RunConfig) -> str:
    """Return the dataset and the model's changed settings, which identify a run of a sweep."""
    changed = config.model.model_dump(exclude_defaults=True, exclude={"name"})
    overrides = [f"model.{key}={value}" for key, value in changed.items()]
    model = ", ".join([f"model={config.model.name}", *overrides])
    return f"(dataset={config.dataset.name}, {model})"


def _source_line(error: Exception) -> str:
    """Return the file and line of the user's code that raised an error."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if "site-packages" not in frame.filename]
    last = (outside or frames)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"
