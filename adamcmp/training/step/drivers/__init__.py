"""Optimizer drivers: they update the lanes' parameters in one training step."""

from collections.abc import Sequence
from functools import singledispatch

from adamcmp.components.optimizers import Optimizer, ParameterGroup, Rule
from adamcmp.components.optimizers.torch import Torch
from adamcmp.training.step.drivers._base import GradientFunction, OptimizerDriver
from adamcmp.training.step.drivers.chain import ChainDriver
from adamcmp.training.step.drivers.torch import TorchDriver

__all__ = [
    "ChainDriver",
    "GradientFunction",
    "OptimizerDriver",
    "TorchDriver",
    "create_driver",
]


@singledispatch
def create_driver(
    optimizer: Optimizer, groups: Sequence[ParameterGroup], *, clip: bool, fused: bool
) -> OptimizerDriver:
    """Return the driver of an optimizer. Other optimizer classes can register a driver.

    Args:
        optimizer: The optimizer component.
        groups: The parameter groups, in the order of the packing's.
        clip: Whether gradients are clipped to the norm ``grad_clip``, a hyperparameter.
        fused: Whether the lanes are one batched computation.
    """
    raise TypeError(f"no driver is registered for {type(optimizer).__name__}")


@create_driver.register
def _(
    optimizer: Rule, groups: Sequence[ParameterGroup], *, clip: bool, fused: bool
) -> OptimizerDriver:
    return ChainDriver(optimizer, groups, clip=clip, fused=fused)


@create_driver.register
def _(
    optimizer: Torch, groups: Sequence[ParameterGroup], *, clip: bool, fused: bool
) -> OptimizerDriver:
    return TorchDriver(optimizer, groups, clip=clip)
