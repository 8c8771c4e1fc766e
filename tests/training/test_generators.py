"""The global random generators of torch, NumPy and Python."""

import random

import numpy as np
import torch

from adamcmp.training.generators import restored_generators, seed_generators


def draws():
    return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def test_all_generators_are_seeded_and_restored():
    before = draws()
    with restored_generators():
        drawn = []
        for seed in (1 << 62, 1 << 62, 1):
            seed_generators(seed, torch.device("cpu"))
            drawn.append(draws())
        assert drawn[0] == drawn[1]
        assert all(a != b for a, b in zip(drawn[0], drawn[2], strict=True))
    seed_generators(3, torch.device("cpu"))
    after_seeding = draws()
    seed_generators(3, torch.device("cpu"))
    with restored_generators():
        draws()
    assert draws() == after_seeding != before
