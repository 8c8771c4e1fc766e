#!/usr/bin/env python3
"""Measure the peak rate of float32 matrix products: torch.bmm, one thread per process.

All processes work at the same time, since cores share power and cache. The peak is the sum of their
rates at the fastest shape. Then the products of one training step of an MLP are timed with nothing
between them, which is a lower bound for the time of the step.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

#: Shapes to try, (lanes, rows, inner, columns): the products of the MLP, and squares.
SHAPES = [
    *((lanes, 128, 100, 100) for lanes in (8, 16, 32)),
    *((lanes, 128, 128, 128) for lanes in (8, 32)),
    *((lanes, 256, 256, 256) for lanes in (1, 8)),
    *((1, n, n, n) for n in (384, 512, 768, 1024, 1536)),
]
#: Numbers of lanes for which the products of a step are timed.
WIDTHS = (1, 4, 8, 16)
#: Narrow products are padded to this, which is faster.
NARROW = 16


def rates(barrier: Any, seconds: float) -> list[float]:
    """Return the GFLOP/s of one thread at each shape."""
    return [
        2e-9 * lanes * rows * inner * columns / _seconds([shape], barrier, seconds)
        for shape in SHAPES
        for lanes, rows, inner, columns in [shape]
    ]


def steps(barrier: Any, seconds: float, layers: list[int], batch: int) -> list[float]:
    """Return the µs of one thread for the products of a run-step, for each number of lanes."""
    shapes = step_products([max(n, NARROW) for n in layers], batch)
    return [
        1e6 * _seconds([(lanes, *shape) for shape in shapes], barrier, seconds) / lanes
        for lanes in WIDTHS
    ]


def step_products(layers: list[int], batch: int) -> list[tuple[int, int, int]]:
    """Return the products of a step, (rows, inner, columns): forward, then gradients."""
    pairs = list(pairwise(layers))
    forward = [(batch, n, m) for n, m in pairs]
    return [*forward, *((n, batch, m) for n, m in pairs), *((batch, m, n) for n, m in pairs[1:])]


def _seconds(shapes: list[tuple[int, int, int, int]], barrier: Any, seconds: float) -> float:
    """Return the time of some products, one after the other, in one thread."""
    import torch

    torch.set_num_threads(1)
    products: list[Callable[[], Any]] = []
    for lanes, rows, inner, columns in shapes:
        a, b = torch.randn(lanes, rows, inner), torch.randn(lanes, inner, columns)
        products.append(partial(torch.bmm, a, b, out=torch.empty(lanes, rows, columns)))
    for product in products:
        product()
    barrier.wait(timeout=60)
    rounds, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for product in products:
            product()
        rounds += 1
    return elapsed / rounds


def _sums(measured: Iterable[list[float]]) -> list[float]:
    """Return the sums over processes."""
    return [sum(values) for values in zip(*measured, strict=True)]


def main() -> None:
    """Print the peak, its shape, and the rates of all shapes as one JSON line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each shape")
    parser.add_argument("--layers", default="40,100,100,10", help="layer sizes of the MLP")
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    n, context = options.processes, multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(n, context) as pool:
        barrier = manager.Barrier(n)
        times = [options.seconds] * n
        rates_sums = _sums(pool.map(partial(rates, barrier), times))
        layers = [int(size) for size in options.layers.split(",")]
        work = partial(steps, barrier, layers=layers, batch=options.batch)
        products_us = _sums(pool.map(work, times))
    shapes = {"×".join(map(str, s)): round(v, 1) for s, v in zip(SHAPES, rates_sums, strict=True)}
    best = max(shapes, key=shapes.__getitem__)
    # A mean over n processes, each of which does an n-th of the run-steps.
    products = {str(w): round(us / n**2, 1) for w, us in zip(WIDTHS, products_us, strict=True)}
    result = {"gflops": shapes[best], "shape": best, "shapes": shapes, "products_us": products}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
