#!/usr/bin/env python3
"""Train the grid with a loop by hand: tensors in memory, batches by index, fused AdamW, joblib.

With --processes 1 and one run it is the script that `adamcmp run` is compared with. It trains an
MLP, or prepared networks.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from torch.nn import functional as F

from _network import measure, mlp, prepared
from _shared import Cell, arguments, splits
from _torch_grid import train_grid


def train(options: argparse.Namespace, cell: Cell) -> list[dict[str, float]]:
    """Train one run; return its evaluations."""
    torch.manual_seed(cell.seed)
    data = {
        name: (torch.from_numpy(x).to(options.device), torch.from_numpy(y).to(options.device))
        for name, (x, y) in splits(options.data).items()
    }
    x, y = data["train"]
    net = prepared(options.networks, cell.seed) if options.networks else mlp(x.shape[1])
    net = net.to(options.device)
    fused = torch.optim.AdamW(net.parameters(), lr=cell.lr, weight_decay=cell.wd, fused=True)

    def evaluate() -> dict[str, float]:
        row = {}
        for name, (x, y) in data.items():
            batches = zip(x.split(1000), y.split(1000), strict=True)
            row[f"{name}_loss"], row[f"{name}_error"] = measure(net, batches)
        return row

    history = [evaluate()]
    epoch_steps = len(x) // options.batch_size
    for step in range(options.steps):
        if step % epoch_steps == 0:
            order = torch.randperm(len(x), device=x.device).split(options.batch_size)
        batch = order[step % epoch_steps]
        fused.param_groups[0]["lr"] = cell.lr * (1 + math.cos(math.pi * step / options.steps)) / 2
        loss = F.cross_entropy(net(x[batch]), y[batch])
        fused.zero_grad()
        loss.backward()
        fused.step()
        if (step + 1) % options.eval_every == 0:
            history.append(evaluate())
    return history


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--networks", type=Path, help="file of prepare_networks.py; default: MLP")
    train_grid(train, parser.parse_args())
