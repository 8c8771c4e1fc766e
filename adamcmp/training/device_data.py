"""Datasets on the device, and the order and augmentation of batches.

Shapes: N examples, B batch, K steps, C channels, H, W image sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Examples on the device.

    Attributes:
        x: Inputs (N, *inputs).
        y: Class numbers (N,), or real targets (N, outputs).
        weight: Each example's weight in the balanced error (N,), float64: all classes have the same
            total weight, and the weights sum to 1. With real targets they are 0.
    """

    x: Tensor
    y: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.x)


def balanced_weight(y: Tensor) -> Tensor:
    """Return the weight of each example in the balanced error; see `Examples`.

    >>> balanced_weight(torch.tensor([0, 0, 0, 1])).tolist()
    [0.16666666666666666, 0.16666666666666666, 0.16666666666666666, 0.5]
    """
    if y.is_floating_point():
        return torch.zeros(len(y), dtype=torch.float64, device=y.device)
    count = torch.bincount(y)
    return (count * (count > 0).sum()).double().reciprocal()[y]


@dataclass(frozen=True)
class DeviceData:
    """A dataset on the device.

    Attributes:
        train: The examples that batches are drawn from.
        evaluated: The examples that evaluations measure, by split; splits without examples are
            left out.
        shape: Shapes of inputs and outputs.
        padding_value: Standardized value of a black pixel, by channel.
        set_ids: See `Data`.
    """

    train: Examples
    evaluated: dict[str, Examples]
    shape: Shape
    padding_value: tuple[float, ...]
    set_ids: Mapping[str, str]


def to_device(
    dataset: Dataset, train_examples: int | None, device: torch.device, dtype: torch.dtype
) -> DeviceData:
    """Load a dataset and copy it to the device.

    Args:
        dataset: The dataset.
        train_examples: Number of training examples that evaluations measure; None for all.
        device: The device.
        dtype: The dtype of inputs and real targets.
    """
    data = load_cached(dataset)
    splits: dict[str, Split] = {name: getattr(data, name) for name in SPLITS}
    if train_examples is not None:
        rng = np.random.default_rng(stream_seed(dataset.sampling_seed, "train_examples"))
        splits["train"] = data.train.take(rng.permutation(len(data.train))[:train_examples])

    def move(split: Split) -> Examples:
        y = torch.as_tensor(split.y)
        y = y.to(device, dtype) if y.is_floating_point() else y.to(device)
        return Examples(torch.as_tensor(split.x).to(device, dtype), y, balanced_weight(y))

    train = move(data.train)
    evaluated = {
        name: train if split is data.train else move(split)
        for name, split in splits.items()
        if len(split)
    }
    padding_value = tuple(data.padding_value.flatten().tolist())
    return DeviceData(train, evaluated, data.shape, padding_value, data.set_ids)


class BatchOrder:
    """The order in which one run visits the training examples.

    Each epoch has a random order. The epochs form one sequence, which is cut into batches of equal
    size. A batch may contain the end of one epoch and the beginning of the
    next, so no batch is short and every example is visited equally often.

    Args:
        seed: The run's seed; nothing else determines the order.
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
        # Only the epochs of these batches are kept, since steps are usually requested in order.
        self._epochs = {epoch: self._epoch(epoch) for epoch in epochs}
        sequence = torch.cat([self._epochs[epoch] for epoch in epochs])
        offset = epochs.start * self.examples
        return sequence[first - offset : last - offset].view(stop - start, self.batch_size)

    def _epoch(self, epoch: int) -> Tensor:
        if epoch in self._epochs:
            return self._epochs[epoch]
        generator = torch.Generator().manual_seed(stream_seed(self.seed, "order", epoch))
        return torch.randperm(self.examples, generator=generator)


def augment(
    x_B: Tensor, key: Tensor, augmentation: Augmentation, padding_value: Sequence[float]
) -> Tensor:
    """Flip and shift each image of one lane's batch at random.

    Args:
        x_B: Images (B, C, H, W).
        key: The lane's random key of this step (0-dimensional int64).
        augmentation: Whether to flip horizontally, and by how many pixels to pad before cropping.
        padding_value: The value to pad with, by channel.
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
        # Built from numbers, because a tensor would have to be an argument of the compiled step.
        planes = [
            torch.full((1, 1), value, dtype=x_B.dtype, device=device) for value in padding_value
        ]
        x_B = torch.where(inside, torch.nn.functional.pad(x_B, border), torch.stack(planes))
    examples = torch.arange(batch, device=device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=device).view(1, -1, 1, 1)
    return x_B[examples, channel, rows[:, None, :, None], columns[:, None, None, :]]
