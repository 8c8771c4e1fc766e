"""Trains the grid with torch, each run in one thread and by the same function."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch

from _shared import Cell, RunResult, cells, parallel_map, report

#: Trains one run and returns its evaluations, each a dict of metrics.
Train = Callable[[argparse.Namespace, Cell], list[dict[str, float]]]


def train_grid(train: Train, options: argparse.Namespace) -> None:
    """Train each run of the grid, and print the means."""
    runs = parallel_map(partial(_timed, train, options), cells(options), options.processes)
    report(runs, options.processes)


def _timed(train: Train, options: argparse.Namespace, cell: Cell) -> RunResult:
    torch.set_num_threads(1)
    start = time.perf_counter()
    history = train(options, cell)
    seconds = time.perf_counter() - start
    last = history[-1]
    return RunResult(last["train_loss"], 1 - last["test_error"], len(history), seconds)
