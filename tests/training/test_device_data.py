"""The order of batches, and augmentation."""

import torch

from adamcmp.components.datasets import Augmentation
from adamcmp.training.device_data import BatchOrder, augment


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


def test_augmentation_shifts_and_flips():
    x = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).view(2, 3, 4, 4) + 1
    key = torch.tensor(7)
    padding_value = (-1.0, -2.0, -3.0)
    assert torch.equal(augment(x, key, Augmentation(), padding_value), x)
    flipping = Augmentation(flip=True)
    flips = torch.stack([augment(x, torch.tensor(k), flipping, padding_value) for k in range(200)])
    flipped = (flips == x.flip(-1)).all(-1).all(-1).all(-1)
    assert ((flips == x).all(-1).all(-1).all(-1) ^ flipped).all()
    assert 0.35 < flipped.double().mean() < 0.65
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
