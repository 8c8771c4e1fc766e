"""The global random generators of torch, NumPy and Python, from which users' code draws."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence

import numpy as np
import torch


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed only the global generators of the CPU and of a device, unlike torch.manual_seed."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed the global generators of torch, as `seed_torch` does, of NumPy and of Python."""
    seed_torch(seed, device)
    random.seed(seed)
    np.random.seed(seed % (1 << 32))  # noqa: NPY002 - users' code draws from this generator


@contextlib.contextmanager
def restored_generators(gpus: Sequence[int] = ()) -> Iterator[None]:
    """Restore the state of the global generators on exit.

    Args:
        gpus: The GPUs whose generators are restored too.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=gpus):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
