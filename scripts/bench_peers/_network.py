"""The network and its evaluation, for the programs that use torch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _shared import HIDDEN


def mlp(inputs: int, classes: int = 10) -> nn.Sequential:
    """Return the network, initialized as torch does by default."""
    sizes = (inputs, *HIDDEN)
    hidden = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)]
    last = nn.Linear(sizes[-1], classes)
    return nn.Sequential(*(layer for pair in hidden for layer in pair), last)


def prepared(file: Path, seed: int) -> nn.Module:
    """Return the network of a seed from a file of `prepare_networks.py`."""
    networks: list[nn.Module] = torch.load(file, weights_only=False)
    # The layers' classes import adamcmp, which sets this. Other programs do not pay for it; MKL
    # reads it at its first product.
    os.environ.pop("MKL_CBWR", None)
    return networks[seed]


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
