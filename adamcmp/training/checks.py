"""Checks that a run can be trained, before anything is written."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import torch

from adamcmp.components.data import Data
from adamcmp.config import RunConfig
from adamcmp.errors import ConfigError
from adamcmp.training.network_checks import checked_gradients, weights_notices
from adamcmp.training.optimizer_checks import check_optimizer
from adamcmp.training.torch_state import torch_state

_OF_MEMORY = re.compile("can't allocate memory|out of memory|size calculation overflowed")


def check_run(config: RunConfig) -> tuple[str, ...]:
    """Check that a run can be trained, by a step on at most two of its examples.

    Returns:
        What the user should know about the schedule, the initial weights and the data.

    Raises:
        AdamcmpError: If one of these checks fails.
    """
    data = config.data()
    protocol = config.protocol
    _check_count("batch_size", protocol.batch_size, config, data)
    _check_count("eval.train_examples", protocol.eval.train_examples or 0, config, data)
    with torch_state():
        torch.set_num_threads(1)  # starting a pool of threads takes longer than the step
        try:
            params, grads, roles = checked_gradients(config, data)
        except ConfigError as error:
            raise ConfigError(f"{error} {_settings(config)}") from error
        check_optimizer(config.optimizer, params, grads, roles)
        notices = tuple(weights_notices(config, data))
    return (*_schedule_notices(config), *notices, *config.run_dataset.examine(data))


def _schedule_notices(config: RunConfig) -> Iterator[str]:
    """Yield a notice if a schedule-free optimizer has a schedule."""
    name = config.optimizer.name
    if config.optimizer.rule.startswith("schedulefree_") and config.schedule.name != "constant":
        yield (
            f"{name} is meant for schedule=constant; its average of iterates replaces a schedule "
            f"such as schedule={config.schedule.name}."
        )


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


def _settings(config: RunConfig) -> str:
    """Return the dataset and the model's changed settings, which identify a run of a sweep."""
    changed = config.model.model_dump(exclude_defaults=True, exclude={"name"})
    overrides = [f"model.{key}={value}" for key, value in changed.items()]
    model = ", ".join([f"model={config.model.name}", *overrides])
    return f"(dataset={config.dataset.name}, {model})"
