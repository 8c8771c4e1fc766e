"""Random numbers that are the same in every test."""

import numpy as np


def rng() -> np.random.Generator:
    """Return a generator in the same state as every other one."""
    return np.random.default_rng(7)
