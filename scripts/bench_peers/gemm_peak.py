#!/usr/bin/env python3
"""Measure how fast this machine multiplies float32 matrices: torch.bmm, one thread a process.

The processes work at the same time, since cores share power and cache; what counts is their sum
at the shape that is fastest.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

#: Shapes tried, (lanes, rows, inner, columns): the MLP's own products, and squares.
SHAPES = [
    *((lanes, 128, 100, 100) for lanes in (8, 16, 32)),
    *((lanes, 128, 128, 128) for lanes in (8, 32)),
    *((lanes, 256, 256, 256) for lanes in (1, 8)),
    *((1, n, n, n) for n in (384, 512, 768, 1024, 1536)),
]


def rates(barrier: Any, seconds: float) -> list[float]:
    """Return the GFLOP/s of one thread at each shape."""
    import torch

    torch.set_num_threads(1)
    measured = []
    for lanes, rows, inner, columns in SHAPES:
        a, b = torch.randn(lanes, rows, inner), torch.randn(lanes, inner, columns)
        out = torch.empty(lanes, rows, columns)
        torch.bmm(a, b, out=out)
        barrier.wait(timeout=60)
        products, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            torch.bmm(a, b, out=out)
            products += 1
        measured.append(2e-9 * lanes * rows * inner * columns * products / elapsed)
    return measured


def main() -> None:
    """Print the best sum, its shape and all others as one JSON line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each shape")
    options = parser.parse_args()
    n, context = options.processes, multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(n, context) as pool:
        work = partial(rates, manager.Barrier(n))
        sums = [sum(each) for each in zip(*pool.map(work, [options.seconds] * n), strict=True)]
    shapes = {"×".join(map(str, s)): round(v, 1) for s, v in zip(SHAPES, sums, strict=True)}
    best = max(shapes, key=shapes.__getitem__)
    print(json.dumps({"gflops": shapes[best], "shape": best, "shapes": shapes}))


if __name__ == "__main__":
    main()
