"""Random streams: every number a run draws comes from its seed and the stream's name.

Nothing here depends on a lane's position, on the group or on what other runs drew: the same
seed gives the same initial weights, the same batches and the same dropout masks to every
optimizer, so that comparisons are paired.

Two kinds of streams:

- `stream_seed` seeds an ordinary generator, for draws that are made on the host (initial
  weights, epochs' permutations, splits);
- `bits` and `uniform` are counter-based, for draws that are made per step on the device inside
  a batched computation (dropout, augmentation): plain integer arithmetic on tensors, so it
  works under vmap and gives the same bits on every device.
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
    """Return a 63-bit seed for the stream `name` of the run with `seed`.

    Args:
        seed: The run's (or the dataset split's) seed.
        name: The stream's name, such as ``"init"`` or ``"order"``.
        index: Which of the stream's generators, e.g. the epoch.
    """
    digest = hashlib.blake2b(f"{seed}/{name}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def bits(key: torch.Tensor, counter: torch.Tensor) -> torch.Tensor:
    """Return 64 random bits (as int64) for each counter: element `counter` of SplitMix64.

    Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014;
    output number n of a generator seeded with `key` is ``mix(key + n * golden)``, so the
    sequence is read at any place without going through it.

    Args:
        key: int64 state that the sequence starts from; broadcasts against `counter`.
        counter: int64 positions, counted from 1 as the sequential generator does.
    """
    # key + counter·golden; int64 arithmetic wraps, as the algorithm wants. Written so that nothing
    # big meets a plain index, which inductor works out ahead, without wrapping, and in 32 bits on a
    # GPU.
    z = (key * _signed(_GOLDEN_INVERSE) + counter) * _signed(_GOLDEN)
    z = (z ^ _shift(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift(z, 31)


def advance_key(key: torch.Tensor, places: int) -> torch.Tensor:
    """Return the key of the sequence that begins so many places later."""
    return key + _signed(places * _GOLDEN)


def uniform(key: torch.Tensor, counter: torch.Tensor) -> torch.Tensor:
    """Return float64 numbers in [0, 1) with 53 random bits, one for each counter."""
    return _shift(bits(key, counter), 11).double() * 2.0**-53


def _shift(z: torch.Tensor, places: int) -> torch.Tensor:
    """Shift right without carrying the sign bit (torch's >> is arithmetic)."""
    return (z >> places) & ((1 << (64 - places)) - 1)
