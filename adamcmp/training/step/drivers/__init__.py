"""Optimizer drivers: they update the lanes' parameters in one training step."""

from functools import singledispatch

from adamcmp.components.optimizers import Optimizer, Rule
from adamcmp.components.optimizers.torch import Torch
from adamcmp.training.step.drivers._base import GradientFunction, GroupHypers, OptimizerDriver
from adamcmp.training.step.drivers.chain import ChainDriver
from adamcmp.training.step.drivers.torch import TorchDriver

__all__ = [
    "ChainDriver",
    "GradientFunction",
    "GroupHypers",
    "OptimizerDriver",
    "TorchDriver",
    "create_driver",
]


@singledispatch
def create_driver(optimizer: Optimizer, *, clip: bool, fused: bool) -> OptimizerDriver:
    """Return the driver of an optimizer. Other optimizer classes can register a driver.

    Args:
        optimizer: The optimizer component.
        clip: Whether gradients are clipped to the norm ``grad_clip``, a hyperparameter.
        fused: Whether the lanes are one batched computation.
    """
    raise TypeError(f"no driver is registered for {type(optimizer).__name__}")


@create_driver.register
def _(optimizer: Rule, *, clip: bool, fused: bool) -> OptimizerDriver:
    return ChainDriver(optimizer, clip=clip, fused=fused)


@create_driver.register
def _(optimizer: Torch, *, clip: bool, fused: bool) -> OptimizerDriver:
    return TorchDriver(optimizer, clip=clip)
