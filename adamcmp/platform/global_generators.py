"""The global random generators of Python, NumPy and torch, from which others' code may draw."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


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
def seeded_generators(seed: int) -> Iterator[None]:
    """Seed the global generators, those of torch included, and restore them on exit."""
    import torch

    with restored_generators(), torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.default_generator.manual_seed(seed)
        yield
