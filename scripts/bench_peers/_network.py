"""The network and its evaluation, for the programs that use torch."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _shared import HIDDEN


def network(model: str, inputs: tuple[int, ...], classes: int = 10) -> nn.Sequential:
    """Return the network, initialized as torch does by default.

    Args:
        model: ``mlp`` or ``cnn`` (two blocks of convolution, ReLU and pooling, a hidden layer).
        inputs: Shape of an example.
        classes: Number of outputs.
    """
    if model == "mlp":
        sizes = (inputs[0], *HIDDEN)
        hidden = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)]
        last = nn.Linear(sizes[-1], classes)
        return nn.Sequential(*(layer for pair in hidden for layer in pair), last)
    channels, height, width = inputs
    return nn.Sequential(
        *(nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        *(nn.Linear(32 * (height // 4) * (width // 4), 64), nn.ReLU()),
        nn.Linear(64, classes),
    )


@torch.no_grad()
def measure(net: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    """Return mean loss and error rate over `batches` of (x, y)."""
    net.eval()
    loss, wrong, examples = torch.zeros(()), torch.zeros(()), 0
    for x, y in batches:
        logits = net(x)
        loss = loss.to(x.device) + F.cross_entropy(logits, y, reduction="sum")
        wrong = wrong.to(x.device) + (logits.argmax(1) != y).sum()
        examples += len(y)
    net.train()
    return loss.item() / examples, wrong.item() / examples
