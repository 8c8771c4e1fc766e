#!/usr/bin/env python3
"""Train the grid with DataLoader and torch.optim.AdamW, one run per joblib process."""

from __future__ import annotations

import argparse

import torch
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, TensorDataset

from _network import measure, mlp
from _shared import Cell, arguments, splits
from _torch_grid import train_grid


def train(options: argparse.Namespace, cell: Cell) -> list[dict[str, float]]:
    """Train one run; return its evaluations."""
    torch.manual_seed(cell.seed)
    sets = {
        name: TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
        for name, (x, y) in splits(options.data).items()
    }
    loader = DataLoader(sets["train"], options.batch_size, shuffle=True, drop_last=True)
    loaders = {name: DataLoader(examples, batch_size=1000) for name, examples in sets.items()}
    device = torch.device(options.device)
    net = mlp(sets["train"].tensors[0].shape[1]).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=cell.lr, weight_decay=cell.wd)
    schedule = CosineAnnealingLR(optimizer, T_max=options.steps)

    def evaluate() -> dict[str, float]:
        row = {}
        for name, batches in loaders.items():
            moved = ((x.to(device), y.to(device)) for x, y in batches)
            row[f"{name}_loss"], row[f"{name}_error"] = measure(net, moved)
        return row

    history, step = [evaluate()], 0
    while step < options.steps:
        for x, y in loader:
            loss = F.cross_entropy(net(x.to(device)), y.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            if step % options.eval_every == 0:
                history.append(evaluate())
            if step == options.steps:
                break
    return history


if __name__ == "__main__":
    train_grid(train, arguments(__doc__).parse_args())
