"""The global random generators of Python, NumPy and torch, from which others' code may draw."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def seed_torch(seed: int, device: torch.device | None = None) -> None:
    """Seed only the global generators of the CPU and of a device, unlike torch.manual_seed."""
    import torch

    torch.default_generator.manual_seed(seed)
    if device is not None and device.type == "cuda":
        torch.cuda.manual_seed(seed)


def seed_generators(seed: int, device: torch.device | None = None) -> None:
    """Seed the global generators of torch, as `seed_torch` does, of NumPy and of Python."""
    seed_torch(seed, device)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002


@contextmanager
def restored_generators() -> Iterator[None]:
    """Restore Python's and NumPy's global generators on exit."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002


@contextmanager
def seeded_generators(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed the global generators, those of torch included, and restore them on exit."""
    import torch

    devices = [device] if device is not None and device.type == "cuda" else []
    with restored_generators(), torch.random.fork_rng(devices):
        seed_generators(seed, device)
        yield
