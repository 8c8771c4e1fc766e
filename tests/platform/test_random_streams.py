"""Random streams: published numbers, uniformity, and independence of everything but the seed."""

import numpy as np
import torch
from scipy import stats

from adamcmp.platform.random_streams import advance_key, bits, stream_seed, uniform


def test_bits_are_splitmix64():
    """The first outputs for seed 1234567, as Vigna's reference implementation prints them."""
    published = [
        6457827717110365317, 3203168211198807973, 9817491932198370423,
        4593380528125082431, 16408922859458223821,
    ]  # fmt: skip
    got = bits(torch.tensor(1234567), torch.arange(1, 6))
    assert [value % 2**64 for value in got.tolist()] == published


def test_a_key_can_be_advanced():
    key, counter = torch.tensor(-(3**39)), torch.arange(1, 20)
    for count in (0, 1, 7 << 40):
        assert torch.equal(bits(advance_key(key, count), counter), bits(key, counter + count))


def test_uniform_is_uniform():
    draws = uniform(torch.tensor(stream_seed(0, "dropout")), torch.arange(1, 100_001)).numpy()
    assert draws.min() >= 0 and draws.max() < 1
    assert stats.kstest(draws, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.02


def test_streams_have_their_own_seeds():
    seeds = {stream_seed(s, n, i) for s in range(5) for n in ("init", "order") for i in range(5)}
    assert len(seeds) == 50
    assert all(0 <= seed < 2**63 for seed in seeds)
