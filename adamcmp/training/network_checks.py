"""Checks of a network, since a user's may do what training cannot reproduce or resume."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from adamcmp.components.data import Data
from adamcmp.components.optimizers import parameter_roles
from adamcmp.components.optimizers.torch import Torch
from adamcmp.components.user_class import error_reason
from adamcmp.config import RunConfig
from adamcmp.errors import ConfigError
from adamcmp.platform.global_generators import seeded_generators
from adamcmp.training.step.batching import Tree
from adamcmp.training.step.initialization import build_network

#: Attributes that torch gives every module.
_TORCH_ATTRIBUTES = frozenset(vars(nn.Module()))


def checked_gradients(config: RunConfig, data: Data) -> tuple[Tree, Tree, dict[str, str]]:
    """Build the network of a run, check it, and return its parameters, gradients and roles.

    Args:
        config: The settings of the run.
        data: Its dataset.

    Returns:
        By name: the trained parameters, the gradients of those on which the loss depends, and the
        roles of the trained parameters.

    Raises:
        ConfigError: If the network does not accept the examples, or a run with it could not be
            reproduced or resumed.
    """
    seed, model = config.protocol.seed, f"model={config.model.name}"
    network, twin = (build_network(config.model, data.shape, seed) for _ in range(2))
    if not any(p.requires_grad for p in network.parameters()):
        raise ConfigError(f"{model} has no parameters to train.")
    _check_initial_weights(network, twin, model)
    before = {name: (tensor, tensor.data_ptr()) for name, tensor in _tensors(network)}
    x = torch.as_tensor(data.train.x[: min(config.protocol.batch_size, 2)]).float()
    grads = _gradients(network, x, config, data)
    _check_tensors(network, before, model)
    _check_attributes(network, twin, x, model)
    params = {n: p.detach() for n, p in twin.named_parameters() if p.requires_grad}
    roles = parameter_roles(twin)
    return params, grads, {name: roles[name] for name in params}


def weights_notices(config: RunConfig, data: Data) -> Iterator[str]:
    """Yield a notice if the initial weights are random but do not depend on the seed.

    A network whose tensors are constants, such as zeros, draws no weights.

    Args:
        config: The settings of the run.
        data: Its dataset.
    """
    seed = config.protocol.seed
    networks = [build_network(config.model, data.shape, s) for s in (seed, seed + 1)]
    params, others = ([p.detach() for p in n.parameters() if p.requires_grad] for n in networks)
    varied = any((p != p.flatten()[0]).any() for p in params if p.numel())
    if varied and all(map(_equal, params, others)):
        yield (
            f"model={config.model.name} has the same initial weights for every seed, so that "
            f"seeds differ only in the order of the examples. For other weights, leave out "
            f"torch.manual_seed and other generators of fixed seed in the network."
        )


def _tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters and buffers with their names."""
    return itertools.chain(network.named_parameters(), network.named_buffers())


def _check_initial_weights(network: nn.Module, twin: nn.Module, model: str) -> None:
    """Check that two networks of one seed are equal."""
    others = dict(_tensors(twin))
    for name, tensor in _tensors(network):
        if not _equal(tensor.detach(), others[name].detach()):
            raise ConfigError(
                f"{model}: two networks of one seed have different initial weights ({name}). Draw "
                f"them from the global generator of torch, numpy.random or random, which adamcmp "
                f"seeds."
            )


def _gradients(network: nn.Module, x: Tensor, config: RunConfig, data: Data) -> Tree:
    """Return the gradients of the loss by parameter, without those that do not exist."""
    model = f"model={config.model.name}"
    y = torch.as_tensor(data.train.y[: len(x)])
    params = {name: p for name, p in network.named_parameters() if p.requires_grad}
    try:
        with seeded_generators(0):
            outputs = network(x)
            _check_outputs(outputs, (len(x), data.shape.outputs), model)
            loss = config.loss.training(outputs, y.float() if y.is_floating_point() else y)
            grads = torch.autograd.grad(loss, list(params.values()), allow_unused=True)
    except ConfigError:
        raise
    except Exception as error:
        batch = "batch_size=1: " if len(x) == 1 else ""
        raise ConfigError(
            f"{batch}{model} fails on examples of shape {tuple(data.shape.inputs)} "
            f"({error_reason(error)})."
        ) from error
    existing = {name: g for name, g in zip(params, grads, strict=True) if g is not None}
    for name, grad in existing.items():
        if grad.is_sparse and not isinstance(config.optimizer, Torch):
            raise ConfigError(
                f"{model}: the gradient of {name} is sparse, which optimizer="
                f"{config.optimizer.name} does not take. Leave out sparse=True, or use a "
                f"torch.optim class: optimizer=torch."
            )
    return existing


def _check_outputs(outputs: Any, expected: tuple[int, int], model: str) -> None:
    actual = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if actual != expected:
        raise ConfigError(
            f"{model}: its outputs for {expected[0]} examples should have shape {expected}, not "
            f"{actual}."
        )


def _check_tensors(
    network: nn.Module, before: Mapping[str, tuple[Tensor, int]], model: str
) -> None:
    """Check what a forward pass has done with a network's parameters and buffers.

    It may assign new tensors of the same shape to buffers, and change all tensors in place.

    Args:
        network: The network after the pass.
        before: The tensors before it, and the addresses of their data.
        model: The setting that names the model, for the error message.
    """
    for name, tensor in _tensors(network):
        if name not in before:
            raise ConfigError(
                f"{model}: its forward pass creates {name}, which is neither trained nor saved. "
                f"Create it in __init__."
            )
        old, address = before[name]
        is_lost = tensor.data_ptr() != address if tensor is old else isinstance(old, nn.Parameter)
        if is_lost:
            raise ConfigError(
                f"{model}: its forward pass replaces {name}, and the change would be lost. Change "
                f"it in place, with torch.no_grad() and copy_()."
            )
        if tensor.shape != old.shape:
            raise ConfigError(
                f"{model}: its forward pass changes the shape of the buffer {name} from "
                f"{tuple(old.shape)} to {tuple(tensor.shape)}; it should stay the same."
            )


def _check_attributes(used: nn.Module, unused: nn.Module, x: Tensor, model: str) -> None:
    """Check that a network keeps no state outside its parameters and buffers.

    A checkpoint does not hold such state, so a resumed run would differ. Attributes are state if
    they change the outputs, or if they are numbers that every pass changes.

    Args:
        used: A network after a forward pass.
        unused: The same network before its first one.
        x: Examples.
        model: The setting that names the model, for the error message.
    """
    tensors = {name: tensor.detach().clone() for name, tensor in _tensors(unused)}
    changed = _changed_attributes(used, unused)
    numbers = _numbers(used)
    outputs = _outputs(used, tensors, x)
    counters = [name for name, number in _numbers(used).items() if numbers.get(name) != number]
    if _equal(outputs, _outputs(unused, tensors, x)):
        state = counters
    else:
        state = counters or changed or ["an attribute"]
    if state:
        raise ConfigError(
            f"{model}: its forward pass keeps state in {', '.join(state[:3])}, which no checkpoint "
            f"holds, so that a resumed run would differ. Keep state in tensors that "
            f"register_buffer registers."
        )


def _changed_attributes(used: nn.Module, unused: nn.Module) -> list[str]:
    """Return the names of the attributes in which a network's modules differ from another's."""
    others = dict(_attributes(unused))
    return [n for n, v in _attributes(used) if n not in others or not _equal(v, others[n])]


def _numbers(network: nn.Module) -> dict[str, float]:
    return {name: v for name, v in _attributes(network) if isinstance(v, int | float)}


def _attributes(network: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of all modules, except those that torch gives them."""
    for path, module in network.named_modules():
        for name, value in vars(module).items():
            if name not in _TORCH_ATTRIBUTES:
                yield f"{path}.{name}" if path else name, value


def _outputs(network: nn.Module, tensors: Tree, x: Tensor) -> Tensor:
    """Return a network's outputs with these parameters and buffers."""
    copies = {name: tensor.clone() for name, tensor in tensors.items()}
    with seeded_generators(0), torch.no_grad():
        outputs: Tensor = functional_call(network, copies, (x,))
    return outputs


def _equal(a: Any, b: Any) -> bool:
    """Return whether two values of any type are equal; NaN equals itself in tensors."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.shape == b.shape and torch.equal(a.nan_to_num(), b.nan_to_num())
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    try:
        return bool(a == b)
    except Exception:  # values without a comparison, such as references to tensors
        return True
