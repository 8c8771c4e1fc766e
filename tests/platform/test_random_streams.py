"""Random streams: published numbers, uniformity, and independence of everything but the seed."""

import numpy as np
import torch
from scipy import stats

from adamcmp.components.datasets import Augmentation
from adamcmp.components.layers import Dropout, number_sites
from adamcmp.platform.random_streams import advance_key, bits, stream_seed, uniform
from adamcmp.training.device_data import BatchOrder, augment


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


def test_every_epoch_is_a_permutation():
    row = BatchOrder(seed=3, examples=10, batch_size=4).batches(0, 10).flatten()
    epochs = row.view(4, 10)
    assert all(sorted(epoch.tolist()) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 4


def test_batches_do_not_depend_on_the_intervals_requested():
    whole = BatchOrder(1, 13, 5).batches(0, 30)
    order = BatchOrder(1, 13, 5)
    pieces = [order.batches(a, b) for a, b in ((0, 1), (1, 9), (9, 30))]
    assert torch.equal(torch.cat(pieces), whole)
    assert torch.equal(BatchOrder(1, 13, 5).batches(17, 20), whole[17:20])
    assert not torch.equal(BatchOrder(2, 13, 5).batches(0, 30), whole)


def test_dropout_drops_its_share_and_keeps_the_mean():
    network = torch.nn.Sequential(Dropout(0.3), Dropout(0.3))
    assert number_sites(network) == ["0.key", "1.key"]
    first, second = network
    first.key.fill_(5)
    second.key.fill_(5)
    ones = torch.ones(200, 500)
    a, b = first(ones), second(ones)
    assert abs((a == 0).double().mean() - 0.3) < 0.005
    assert abs(a.mean() - 1) < 0.01
    assert not torch.equal(a, b)
    assert torch.equal(first(ones), a)
    first.key.fill_(6)
    assert not torch.equal(first(ones), a)
    network.eval()
    assert torch.equal(network(ones), ones)


def test_augmentation_shifts_and_mirrors():
    x = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).view(2, 3, 4, 4) + 1
    key = torch.tensor(7)
    padding_value = (-1.0, -2.0, -3.0)
    assert torch.equal(augment(x, key, Augmentation(), padding_value), x)
    flipping = Augmentation(flip=True)
    flips = torch.stack([augment(x, torch.tensor(k), flipping, padding_value) for k in range(200)])
    mirrored = (flips == x.flip(-1)).all(-1).all(-1).all(-1)
    assert ((flips == x).all(-1).all(-1).all(-1) ^ mirrored).all()
    assert 0.35 < mirrored.double().mean() < 0.65
    padded = torch.tensor(padding_value).view(3, 1, 1).expand(2, 3, 6, 6).clone()
    padded[:, :, 1:5, 1:5] = x
    places = set()
    for k in range(300):
        got = augment(x, torch.tensor(k), Augmentation(crop=1), padding_value)
        match = [
            (r, c) for r in range(3) for c in range(3)
            if torch.equal(got[0], padded[0, :, r : r + 4, c : c + 4])
        ]  # fmt: skip
        assert len(match) == 1
        places.add(match[0])
    assert len(places) == 9
