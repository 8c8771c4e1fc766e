"""The weights and gradients of the probes.

The upper and the lower half of the weights are equal, and the gradients of the halves are opposite.
So is each update that treats weights alike and changes sign with the gradient. Gradients and
updates are therefore orthogonal to the weights, and norms are the same for the weights θ and −θ:
the difference of the updates from θ and from −θ is what the weights themselves cause, also for
optimizers that use the norm of the weights or of the step, such as LAMB.
"""

from __future__ import annotations

import torch
from torch import Tensor

_GENERATOR_SEED = 0


def weights(shape: tuple[int, ...]) -> Tensor:
    """Return weights of either sign with sizes from 0.5 to 1.5, whose two halves are equal."""
    half = _signed(torch.Generator().manual_seed(_GENERATOR_SEED), shape)
    return torch.cat([half, half])


def opposed_gradients(
    shape: tuple[int, ...], steps: int, size: float = 1.0, seed: int = 1
) -> list[Tensor]:
    """Return gradients whose halves are opposite.

    Args:
        shape: Their shape.
        steps: How many.
        size: Their absolute values are 0.5 to 1.5 times this.
        seed: The seed of the values.
    """
    generator = torch.Generator().manual_seed(seed)
    halves = (size * _signed(generator, shape) for _ in range(steps))
    return [torch.cat([half, -half]) for half in halves]


def random_gradients(shape: tuple[int, ...], steps: int, seed: int = 2) -> list[Tensor]:
    """Return normally distributed gradients, without the symmetry of the others."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(steps)]


def constant_gradient(shape: tuple[int, ...], size: float = 1.0) -> Tensor:
    """Return a gradient of one absolute value and either sign, whose halves are opposite."""
    half = _signed(torch.Generator().manual_seed(_GENERATOR_SEED + 3), shape).sign() * size
    return torch.cat([half, -half])


def _signed(generator: torch.Generator, shape: tuple[int, ...]) -> Tensor:
    """Return values of half the shape in [−1.5, −0.5] and [0.5, 1.5]."""
    half = (shape[0] // 2, *shape[1:])
    sizes = 0.5 + torch.rand(half, generator=generator, dtype=torch.float64)
    signs = torch.randint(2, half, generator=generator) * 2 - 1
    return sizes * signs
