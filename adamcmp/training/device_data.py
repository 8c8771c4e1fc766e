"""A dataset's tensors on the device, and the batches that lanes draw from them.

Shapes: N examples, M lanes, B batch, K steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adamcmp.components.data import Shape, Split
from adamcmp.components.datasets import Augmentation, Dataset, load_cached
from adamcmp.platform.random_streams import stream_seed, uniform
from adamcmp.storage.columns import SPLITS


@dataclass(frozen=True)
class Examples:
    """One split on the device: x (N, *inputs), y (N,) class numbers or (N, outputs) reals."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class DeviceData:
    """All splits on the device; `measured` holds what evaluations look at, by split.

    `padding_value` is the value of a black pixel after standardization, per channel.
    """

    train: Examples
    measured: dict[str, Examples]
    shape: Shape
    padding_value: tuple[float, ...]


def to_device(
    dataset: Dataset, train_examples: int | None, device: torch.device, dtype: torch.dtype
) -> DeviceData:
    """Return a dataset's tensors on `device`, real numbers as `dtype`."""
    data = load_cached(dataset)
    measured = {name: getattr(data, name) for name in SPLITS}
    if train_examples is not None:
        rng = np.random.default_rng(stream_seed(dataset.split_seed, "train_examples"))
        measured["train"] = data.train.take(rng.permutation(len(data.train))[:train_examples])

    def move(split: Split) -> Examples:
        y = torch.as_tensor(split.y)
        y = y.to(device, dtype) if y.is_floating_point() else y.to(device)
        return Examples(torch.as_tensor(split.x).to(device, dtype), y)

    train = move(data.train)
    moved = {name: train if part is data.train else move(part) for name, part in measured.items()}
    present = {name: part for name, part in moved.items() if len(part)}
    return DeviceData(train, present, data.shape, tuple(data.padding_value.flatten().tolist()))


class BatchOrder:
    """Which examples make each batch of one run.

    The examples are gone through in one endless row of epochs, each in its own random order, and
    cut into batches of equal size; a batch may reach over the end of an epoch. Every example is
    seen equally often and no batch is short.

    Args:
        seed: The run's seed; the row depends on it alone.
        examples: Number of training examples.
        batch_size: Examples of a batch.
    """

    def __init__(self, seed: int, examples: int, batch_size: int) -> None:
        self.seed, self.examples, self.batch_size = seed, examples, batch_size
        self._epochs: dict[int, Tensor] = {}

    def batches(self, start: int, stop: int) -> Tensor:
        """Return the indices (K, B) of the batches of steps `start` to `stop` − 1."""
        first, last = start * self.batch_size, stop * self.batch_size
        epochs = range(first // self.examples, (last - 1) // self.examples + 1)
        self._epochs = {epoch: self._epoch(epoch) for epoch in epochs}
        row = torch.cat([self._epochs[epoch] for epoch in epochs])
        offset = epochs.start * self.examples
        return row[first - offset : last - offset].view(stop - start, self.batch_size)

    def _epoch(self, epoch: int) -> Tensor:
        if epoch in self._epochs:
            return self._epochs[epoch]
        generator = torch.Generator().manual_seed(stream_seed(self.seed, "order", epoch))
        return torch.randperm(self.examples, generator=generator)


def augment(
    x_B: Tensor, key: Tensor, augmentation: Augmentation, padding_value: Sequence[float]
) -> Tensor:
    """Mirror and shift each image of one lane's batch at random.

    Args:
        x_B: Images (B, C, H, W).
        key: The lane's key of this step (0-dimensional int64).
        augmentation: Whether to mirror, and by how many pixels to pad before cropping.
        padding_value: What is padded with, for each channel.
    """
    batch, channels, height, width = x_B.shape
    device = x_B.device
    draws = uniform(key, torch.arange(1, 3 * batch + 1, device=device)).view(3, batch, 1)
    rows = torch.arange(height, device=device).expand(batch, height)
    columns = torch.arange(width, device=device).expand(batch, width)
    if augmentation.flip:
        columns = torch.where(draws[0] < 0.5, columns.flip(1), columns)
    if pad := augmentation.crop:
        rows = rows + (draws[1] * (2 * pad + 1)).long()
        columns = columns + (draws[2] * (2 * pad + 1)).long()
        border = (pad, pad, pad, pad)
        inside = torch.nn.functional.pad(torch.ones_like(x_B[0, 0], dtype=torch.bool), border)
        # Of numbers: a tensor from outside is none of a compiled step's arguments.
        planes = [
            torch.full((1, 1), value, dtype=x_B.dtype, device=device) for value in padding_value
        ]
        x_B = torch.where(inside, torch.nn.functional.pad(x_B, border), torch.stack(planes))
    examples = torch.arange(batch, device=device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=device).view(1, -1, 1, 1)
    return x_B[examples, channel, rows[:, None, :, None], columns[:, None, None, :]]
