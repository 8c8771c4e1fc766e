"""Random streams: all random numbers of a run are derived from its seed and the stream's name.

A stream does not depend on the lane's position, on the group, or on other runs' draws: the same
seed gives every optimizer the same initial weights, batches and dropout masks, so that comparisons
are paired.

- `stream_seed` seeds an ordinary generator, for draws on the host: initial weights, the order of
  the examples in an epoch, splits.
- `bits` and `uniform` are counter-based, for draws on the device within a step: dropout and
  augmentation. They are integer arithmetic on tensors, which works under vmap and gives the same
  bits on every device.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_GOLDEN_INVERSE = pow(_GOLDEN, -1, 1 << 64)


def _signed(value: int) -> int:
    """Return the int64 with the same 64 bits as the unsigned `value`."""
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


def stream_seed(seed: int, name: str, index: int = 0) -> int:
    """Return a 63-bit seed for a stream of a run.

    >>> stream_seed(0, "init")
    4213802666853728012

    Args:
        seed: The seed of the run, or of the dataset's split.
        name: The stream's name, such as ``"init"`` or ``"order"``.
        index: Distinguishes the stream's generators, such as those of its epochs.
    """
    digest = hashlib.blake2b(f"{seed}/{name}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def bits(key: torch.Tensor, counter: torch.Tensor) -> torch.Tensor:
    """Return elements of the SplitMix64 sequence: 64 random bits each, as int64.

    Element n of the sequence of `key` is ``mix(key + n * golden)``, so any element is computed
    without the ones before it. Source: Steele, Lea & Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014.

    Args:
        key: int64 initial state; broadcasts against `counter`.
        counter: int64 indices of elements, from 1 on.
    """
    # This is key + counter·golden, with the wrapping int64 arithmetic that the algorithm requires.
    # `counter` may be an index expression, which inductor would evaluate symbolically, without
    # wrapping and in 32 bits on a GPU, if a large constant were multiplied with it directly.
    z = (key * _signed(_GOLDEN_INVERSE) + counter) * _signed(_GOLDEN)
    z = (z ^ _shift(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift(z, 31)


def advance_key(key: torch.Tensor, count: int) -> torch.Tensor:
    """Return the key of the sequence without its first `count` elements."""
    return key + _signed(count * _GOLDEN)


def uniform(key: torch.Tensor, counter: torch.Tensor) -> torch.Tensor:
    """Return float64 numbers in [0, 1) with 53 random bits, for the arguments of `bits`."""
    return _shift(bits(key, counter), 11).double() * 2.0**-53


def _shift(z: torch.Tensor, count: int) -> torch.Tensor:
    """Shift right and fill with zeros; torch's ``>>`` fills with the sign bit."""
    return (z >> count) & ((1 << (64 - count)) - 1)
