"""The global random generators of torch, NumPy and Python."""

import random

import numpy as np
import torch

from adamcmp.platform.global_generators import seed_generators, seeded_generators


def draws():
    return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def test_all_generators_are_seeded_and_restored():
    seed_generators(3)
    expected = draws()
    seed_generators(3)
    drawn = []
    for seed in (1 << 62, 1 << 62, 1):
        with seeded_generators(seed):
            drawn.append(draws())
    assert drawn[0] == drawn[1]
    assert all(a != b for a, b in zip(drawn[0], drawn[2], strict=True))
    assert draws() == expected
